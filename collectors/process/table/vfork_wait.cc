#include "collectors/process/table/vfork_wait.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "collectors/base/text.h"
#include "collectors/process/table/memory_figures.h"
#include "collectors/process/table/pid_path.h"
#include "collectors/procfs/stat.h"

namespace memory_exporter::process {
namespace {

/// Of a parent whose other threads change its memory while it is looked at.
constexpr int most_looks = 3;

/// What is mapped around a page of a file that is touched (mm/memory.c, fault_around_bytes).
constexpr std::uint64_t fault_around = 64 * 1024;

/// Text and stack, which no copy can do without.
constexpr std::uint64_t fewest_of_a_copy = 2;

/// Half of the file pages may have come with the fork: those of files that were written to.
bool took_the_faults_of_a_copy(const procfs::Stat& stat, const procfs::ProcessStatus& status) {
  const auto faults = stat.minor_faults + stat.major_faults;
  if (faults < fewest_of_a_copy) return false;
  const auto of_files = status.resident_file.value_or(Bytes{}).value;
  return faults >= of_files / 2 / fault_around;
}

/// Whether one mm can have said `before`, `child` and `after` in this order.
bool can_be_one(const procfs::ProcessStatus& before, const procfs::ProcessStatus& child,
                const procfs::ProcessStatus& after) {
  for (const auto figure : memory_figures) {
    if (before.*figure == after.*figure) {
      if (child.*figure != before.*figure) return false;
    } else if (figure == &procfs::ProcessStatus::virtual_peak) {  // never falls
      if (child.*figure < before.*figure || child.*figure > after.*figure) return false;
    }
  }
  return true;
}

bool is_waiting(const std::optional<procfs::ProcessStatus>& status) {
  return status && status->state == 'D' && status->switches;
}

}  // namespace

void VforkWait::begin() {
  threads_left_ = most_threads;
  sleepers_.clear();
}

VforkWait::Answer VforkWait::ask(const Process& parent, const Process& child, pid_t& thread) {
  if (thread == 0 && parent.threads == 1) thread = parent.id.pid;
  if (thread != 0) return look(parent, child, thread);
  const auto* sleepers = sleepers_of(parent);
  if (sleepers == nullptr) return Answer::unknown;
  for (const auto& sleeper : *sleepers) {
    const auto& children = sleeper.children;
    if (children && !std::binary_search(children->begin(), children->end(), child.id.pid)) continue;
    const auto answer = look(parent, child, sleeper.thread);
    if (answer == Answer::does_not_wait) continue;
    thread = sleeper.thread;
    return answer;
  }
  return Answer::does_not_wait;
}

/// The threads that may wait for a child.
const VforkWait::Sleepers* VforkWait::sleepers_of(const Process& process) {
  const auto [entry, is_new] = sleepers_.try_emplace(process.id.pid);
  if (is_new) entry->second = find_sleepers(process);
  return entry->second ? &*entry->second : nullptr;
}

std::optional<VforkWait::Sleepers> VforkWait::find_sleepers(const Process& process) {
  const auto pid = process.id.pid;
  if (process.threads > threads_left_) return std::nullopt;
  const auto threads = procfs_.list(PidPath(pid, "task").c_str());
  if (!threads || threads->size() > threads_left_) return std::nullopt;
  threads_left_ -= threads->size();
  Sleepers sleepers;
  for (const auto& name : *threads) {
    const auto thread = to_number<pid_t>(name);
    if (thread && is_asleep(pid, *thread)) sleepers.push_back({*thread, children_of(pid, *thread)});
  }
  return sleepers;
}

bool VforkWait::is_asleep(pid_t pid, pid_t thread) {
  const auto text = procfs_.read(PidPath(pid, thread, "stat").c_str(), buffer_);
  if (!text) return false;
  const auto stat = procfs::parse_stat(*text);
  return stat && stat->state == 'D';
}

/// Nothing without CONFIG_PROC_CHILDREN.
std::optional<std::vector<pid_t>> VforkWait::children_of(pid_t pid, pid_t thread) {
  const auto path = std::to_string(pid) + "/task/" + std::to_string(thread) + "/children";
  const auto text = procfs_.read(path.c_str(), buffer_);
  if (!text) return std::nullopt;
  std::vector<pid_t> children;
  for (auto rest = *text; const auto child = take_number<pid_t>(rest);) children.push_back(*child);
  std::sort(children.begin(), children.end());
  return children;
}

std::optional<procfs::ProcessStatus> VforkWait::status_of(pid_t pid, pid_t thread) {
  const auto text = procfs_.read(PidPath(pid, thread, "status").c_str(), buffer_);
  if (!text) return std::nullopt;
  const auto status = procfs::parse_status(*text);
  return status ? std::optional(*status) : std::nullopt;
}

VforkWait::Answer VforkWait::look(const Process& parent, const Process& child, pid_t thread) {
  for (int i = 0; i < most_looks; ++i) {
    const auto before = status_of(parent.id.pid, thread);
    if (!is_waiting(before)) return Answer::does_not_wait;
    const auto status = status_of(child.id.pid, child.memory_thread);
    if (!status || !status->has_memory()) return Answer::child_moved_on;
    // After its status: one that has not exec'd by now had not when that was read.
    const auto text = procfs_.read(PidPath(child.id.pid, "stat").c_str(), buffer_);
    if (!text) return Answer::child_moved_on;
    const auto stat = procfs::parse_stat(*text);
    if (!stat || stat->start_time != child.id.start_time || !stat->is_forked()) {
      return Answer::child_moved_on;
    }
    if (took_the_faults_of_a_copy(*stat, *status)) return Answer::does_not_wait;
    const auto after = status_of(parent.id.pid, thread);
    if (!is_waiting(after) || after->switches != before->switches) return Answer::does_not_wait;
    if (can_be_one(*before, *status, *after)) return Answer::waits;
  }
  return Answer::does_not_wait;
}

}  // namespace memory_exporter::process
