#include "collectors/process/table/process_table.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <string>
#include <utility>

#include "collectors/base/label.h"
#include "collectors/base/text.h"
#include "collectors/process/table/memory_figures.h"
#include "collectors/process/table/pid_path.h"
#include "collectors/procfs/cgroup.h"
#include "collectors/procfs/filesystem.h"
#include "collectors/procfs/single_value.h"

namespace memory_exporter::process {
namespace {

/// How long a refresh waits for what may hang: the search reads two files or all the cgroups, and a
/// look asks for one file a level.
constexpr std::chrono::seconds longest_search{1};
constexpr std::chrono::milliseconds longest_look{500};

bool same_program(const Image& image, const procfs::Stat& stat) {
  return !stat.has_memory() ||
         (image.start_code == stat.start_code && image.start_stack == stat.start_stack);
}

bool same_image(const Image& image, const procfs::Stat& stat) {
  return same_program(image, stat) && image.comm == stat.comm;
}

/// While other threads live, state Z is only the leader's, and the memory is behind them.
bool leader_exited(const procfs::Stat& stat) {
  return stat.is_zombie() && stat.threads > 1;
}

Image image_of(const procfs::Stat& stat) {
  return {stat.start_code, stat.start_stack, std::string(stat.comm)};
}

/// Parents that start or adopt whatever comes: their children have nothing in common through them.
bool adopts_strangers(const Process& process) {
  const std::string_view name = process.image.comm;
  return process.id.pid == 1 || name == "systemd" || name == "init" || name == "conmon" ||
         name.starts_with("containerd-shim");
}

/// Every procfs has a process 1: one that does not list it was mounted with hidepid=2 (invisible)
/// or 4 (ptraceable) and leaves out whatever the reader may not trace.
bool hides_processes(const procfs::Tree& procfs, const std::vector<procfs::ListedProcess>& listed) {
  const auto is_first = [](const procfs::ListedProcess& process) { return process.pid == 1; };
  if (std::any_of(listed.begin(), listed.end(), is_first)) return false;
  return procfs::is_procfs(procfs);
}

}  // namespace

ProcessTable::ProcessTable(const procfs::Tree& procfs, Options options)
    : procfs_(procfs), options_(std::move(options)), kinship_(procfs, options_.compare_memory) {}

Status ProcessTable::refresh(Clock::time_point now, Extras extras) {
  if (auto listed = procfs_.list_processes(listed_); !listed) return listed;
  ++refresh_number_;
  refreshed_ = now;
  extras_ = extras;
  others_ = {};
  others_.hidden = hides_processes(procfs_, listed_);
  kinship_.keep_readings(processes_);
  forget_what_may_have_changed();
  if (auto found = find_cgroups(); !found) return found;
  for (const auto& listed : listed_) {
    if (auto done = refresh_process(listed); !done) return done;
  }
  drop_unseen();
  if (auto found = find_kin(); !found) return found;
  find_sharers();
  mark_relatives();
  changes_.clear();
  return Done{};
}

/// Fails only for want of descriptors or memory of our own.
Status ProcessTable::refresh_process(const procfs::ListedProcess& listed) {
  if (is_kernel_thread(listed)) {
    ++others_.kernel;
    return Done{};
  }
  const auto pid = listed.pid;
  // Before stat: what the process does between the two reads shows as a run in the next refresh.
  auto status = read_status(pid, pid);
  if (!status) {
    if (status.error().kind != ErrorKind::vanished) return miss(pid, "status", status.error());
    status = procfs::ProcessStatus{};  // whether the process is there at all, stat will tell
  }
  if (auto* process = find_rested(listed, *status)) {
    keep_status(*process, std::move(*status));
    process->last_seen = refresh_number_;
    return read_oom_score(*process);
  }
  const auto text = procfs_.read(PidPath(pid, "stat").c_str(), buffer_);
  if (!text) return miss(pid, "stat", text.error());
  const auto stat = procfs::parse_stat(*text);
  if (!stat) return miss(pid, "stat", stat.error());
  if (stat->is_being_reaped()) return Done{};  // its faults are no longer its own
  if (stat->is_kernel_thread()) {
    ++others_.kernel;
    kernel_threads_[pid] = listed.inode;
    return Done{};
  }

  auto& process = identify(pid, *stat);
  const bool is_zombie = stat->is_zombie() && !leader_exited(*stat);
  const bool has_become_zombie = is_zombie && !std::exchange(process.zombie, is_zombie);
  process.ended = is_zombie;
  process.memory_thread = pid;
  process.inode = listed.inode;
  process.parent = static_cast<pid_t>(stat->ppid);
  process.threads = stat->threads;
  process.forked = stat->is_forked();
  process.minor_faults = stat->minor_faults;
  process.major_faults = stat->major_faults;
  // All of stat that is needed is copied by here: the buffer is free for the next file.
  const bool has_memory = stat->has_memory();
  if (auto found = find_executable(process); !found) return found;
  if (!process.ended) {
    if (auto read = read_memory(process, std::move(*status), has_memory); !read) {
      return miss(pid, "task", read.error());
    }
  }
  if (!process.ended) {
    if (auto found = find_cgroup(process); !found) return found;
  }
  if (!process.ended) {
    if (auto read = read_oom_score(process); !read) return read;
  }
  // Until then it may still be giving its pages back.
  if (has_become_zombie) note_change(process);
  process.unreadable = process.missed = false;
  process.last_seen = refresh_number_;
  return Done{};
}

/// A process that cannot be read, or is gone since it was listed. It stays in the table, counted
/// nowhere, as long as it is listed: should it be read again, its faults are not added once more. A
/// file of a living process can be gone for a moment, while another thread than the first one
/// execs. The error itself where it is not the process's but ours.
Status ProcessTable::miss(pid_t pid, std::string_view file, const Error& error) {
  count_failure(file, error);
  if (error.kind == ErrorKind::exhausted) return error;
  const auto entry = processes_.find(pid);
  if (entry == processes_.end()) return Done{};
  auto& process = entry->second;
  const bool has_gone = error.kind == ErrorKind::vanished && !process.missed;
  // What it shared is others' by now.
  if (has_gone && !process.zombie) note_change(process);
  process.missed = process.missed || has_gone;
  process.unreadable = true;
  process.last_seen = refresh_number_;
  return Done{};
}

/// How the tree calls cgroups, until that is known. A search that fails is repeated as reads of a
/// process are: it looks through the whole tree, which may take two seconds.
Status ProcessTable::find_cgroups() {
  if (!options_.read_cgroups || !options_.find_cgroups) return Done{};
  if (cgroup_places_) {
    open_cgroups();
    return Done{};
  }
  const bool rests =
      search_failures_ >= tries_in_a_row && refreshed_ - searched_ < options_.max_age;
  if (rests && !search_) return Done{};
  auto found = search_cgroups();
  if (!found) {
    ++search_failures_;
    count_error("cgroup", found.error().kind);
    if (found.error().kind == ErrorKind::exhausted) return found.error();
    return Done{};
  }
  cgroup_places_ = std::move(*found);
  for (const auto& [key, count] : cgroup_places_->read_errors) read_errors_[key] += count;
  open_cgroups();
  name_cgroups_anew();
  return Done{};
}

/// A search that takes longer goes on, and a later refresh has what it finds.
struct ProcessTable::CgroupSearch {
  explicit CgroupSearch(FindCgroups function) : find(std::move(function)) {}

  const FindCgroups find;
  std::optional<Result<CgroupPlaces>> found{};
  std::atomic<bool> begun = false;
  std::atomic<bool> done = false;
};

Result<CgroupPlaces> ProcessTable::search_cgroups() {
  if (!search_) {
    searched_ = refreshed_;
    search_ = std::make_shared<CgroupSearch>(options_.find_cgroups);
    options_.may_hang("names of cgroups", longest_search, [search = search_] {
      search->begun = true;
      search->found = search->find();
      search->done = true;
    });
  }
  if (!search_->done) {
    if (!search_->begun) search_.reset();
    return Error{ErrorKind::timeout, "the search for the cgroups is not done in time", {}, 0};
  }
  return *std::exchange(search_, nullptr)->found;
}

/// Where that fails it is tried again in the next refresh.
void ProcessTable::open_cgroups() {
  const auto& v2 = cgroup_places_->v2;
  if (charged_cgroups_ || !v2) return;
  auto tree = procfs::Tree::open(v2->path, procfs_.calls());
  if (!tree) {
    count_failure("cgroup", tree.error());
    return;
  }
  charged_cgroups_ = std::make_shared<ChargedCgroups>(std::move(*tree), v2->name);
  name_cgroups_anew();
}

void ProcessTable::name_cgroups_anew() {
  for (auto& [pid, process] : processes_) process.cgroup_read = {};
}

/// The table's entry for it, if its one thread has not run since stat was read, which would say
/// today what it said then: no fault, no exec, no new name or thread without running. Saves 9 us, a
/// third of what an idle process costs without walks.
Process* ProcessTable::find_rested(const procfs::ListedProcess& listed,
                                   const procfs::ProcessStatus& status) {
  const auto entry = processes_.find(listed.pid);
  if (entry == processes_.end()) return nullptr;
  auto& process = entry->second;
  const bool same = process.inode == listed.inode && process.parent == status.parent;
  const bool alone = process.threads == 1 && status.threads == 1;
  const bool rested =
      status.is_resting() && status.switches && status.switches == process.status.switches;
  const bool alive = !process.ended && !process.unreadable && status.has_memory();
  return same && alone && rested && alive && is_current(process) ? &process : nullptr;
}

/// Whether what was found out about it need not be found out anew.
bool ProcessTable::is_current(const Process& process) const {
  if (options_.read_cgroups && !process.cgroup) return false;  // nobody asked for it until now
  return process.cgroup_read != Clock::time_point{} &&
         refreshed_ - process.cgroup_read < options_.max_age;
}

bool ProcessTable::is_kernel_thread(const procfs::ListedProcess& listed) const {
  const auto known = kernel_threads_.find(listed.pid);
  return known != kernel_threads_.end() && known->second == listed.inode;
}

/// Kernel threads are for life, but up to 5.18 one may have been about to run a user's program, and
/// those that ended take up room. Cgroups get their controllers and lose them.
void ProcessTable::forget_what_may_have_changed() {
  if (refreshed_ - forgotten_ < options_.max_age) return;
  forgotten_ = refreshed_;
  kernel_threads_.clear();
  if (charged_cgroups_) charged_cgroups_->forget();
}

/// The table's entry for what the kernel shows under this pid now.
Process& ProcessTable::identify(pid_t pid, const procfs::Stat& stat) {
  const auto [entry, is_new] = processes_.try_emplace(pid);
  auto& process = entry->second;
  const ProcessId id{pid, stat.start_time};
  // The pid may be given out again within the tick of 10 ms that start_time counts in: then a
  // counter that has fallen tells the two apart.
  const bool fell =
      stat.minor_faults < process.minor_faults || stat.major_faults < process.major_faults;
  if (!is_new && (process.id != id || fell)) {
    note_change(process);
    process = Process{};
  }
  // Tells even where neither name nor addresses do.
  const bool has_execed = process.id == id && process.forked && !stat.is_forked();
  if (process.id == id && same_image(process.image, stat) && !has_execed) {
    // An adopted child has lost a parent that it may have shared memory with.
    if (process.parent != stat.ppid) process.relatives_changed = refreshed_;
    return process;
  }
  const bool only_renamed = process.id == id && same_program(process.image, stat) && !has_execed;
  if (process.id != id) process.first_seen = refreshed_;
  process.id = id;
  process.image = image_of(stat);
  process.group = nullptr;
  process.cgroup_read = {};  // what starts a program often moves it as well
  process.cgroup_failures = 0;
  if (only_renamed) return process;

  if (process.executable) note_change(process);  // what it ran before the exec
  process.readings = {};
  process.kin = {};
  process.memory_owner.reset();
  process.parent = static_cast<pid_t>(stat.ppid);
  process.executable.reset();
  process.executable_sought = false;
  return process;
}

/// Of a new image.
Status ProcessTable::find_executable(Process& process) {
  if (process.executable_sought) return Done{};
  const auto executable = procfs_.file_id(PidPath(process.id.pid, "exe").c_str());
  if (executable) {
    process.executable = *executable;
  } else {
    count_failure("exe", executable.error());
    if (executable.error().kind == ErrorKind::exhausted) return executable.error();
  }
  process.executable_sought = true;
  note_change(process);
  return Done{};
}

/// status, through a thread that still has the mm. A status that says nothing of memory is no end
/// where stat knows of some: the figures are absent then.
Status ProcessTable::read_memory(Process& process, procfs::ProcessStatus&& of_leader,
                                 bool leader_has_memory) {
  const bool has_memory = leader_has_memory || of_leader.has_memory();
  if (!has_memory && process.threads > 1) return read_through_threads(process);
  keep_status(process, std::move(of_leader));
  process.ended = !has_memory;  // exiting: the mm has gone before the state has
  return Done{};
}

/// The leader has exited, and the others have not.
Status ProcessTable::read_through_threads(Process& process) {
  const auto pid = process.id.pid;
  const auto threads = procfs_.list(PidPath(pid, "task").c_str());
  if (!threads) {
    if (threads.error().kind != ErrorKind::vanished) return threads.error();
    const auto there = is_there(process.id);
    if (!there) return there.error();
    if (!*there) return threads.error();
    keep_status(process, {});  // it lives, and without a task directory nothing can be read of it
    return Done{};
  }
  Status failed = Done{};
  for (const auto& name : *threads) {
    const auto thread = to_number<pid_t>(name);
    if (!thread || *thread == pid) continue;
    auto status = read_status(pid, *thread);
    if (!status) {
      if (status.error().kind != ErrorKind::vanished) failed = status.error();
      continue;
    }
    if (!status->has_memory()) continue;
    process.memory_thread = *thread;
    keep_status(process, std::move(*status));
    return Done{};
  }
  if (!failed) return failed;
  process.ended = true;
  return Done{};
}

void ProcessTable::keep_status(Process& process, procfs::ProcessStatus&& status) {
  const auto& before = process.status;
  process.memory_moved = before.virtual_size && !same_memory_figures(before, status);
  process.status = std::move(status);
}

/// Whether the process is: asked where one of its files is not, because the kernel may lack the
/// file. One stat, about 8 us.
Result<bool> ProcessTable::is_there(const ProcessId& id) {
  const auto stat = stat_now(id);
  if (!stat) return stat.error();
  return stat->has_value();
}

/// What stat says of the process now; nothing where it has ended.
Result<std::optional<procfs::Stat>> ProcessTable::stat_now(const ProcessId& id) {
  const auto text = procfs_.read(PidPath(id.pid, "stat").c_str(), buffer_);
  if (!text) {
    if (text.error().kind == ErrorKind::vanished) return std::optional<procfs::Stat>();
    return text.error();
  }
  const auto stat = procfs::parse_stat(*text);
  if (!stat) return stat.error();
  if (stat->start_time != id.start_time) return std::optional<procfs::Stat>();
  return std::optional(*stat);
}

Result<procfs::ProcessStatus> ProcessTable::read_status(pid_t pid, pid_t thread) {
  const auto text = procfs_.read(PidPath(pid, thread, "status").c_str(), buffer_);
  if (!text) return text.error();
  procfs::Skipped skipped;
  auto status = procfs::parse_status(*text, &skipped);
  if (skipped) count_error("status", ErrorKind::malformed);
  return status;
}

Status ProcessTable::read_oom_score(Process& process) {
  process.oom_score.reset();
  if (!contains(extras_, Extras::oom_score)) return Done{};
  const auto text = procfs_.read(PidPath(process.id.pid, "oom_score").c_str(), buffer_);
  const auto score = text ? procfs::parse_single_value(*text) : text.error();
  if (score) {
    process.oom_score = *score;
    return Done{};
  }
  count_failure("oom_score", score.error());
  if (score.error().kind == ErrorKind::exhausted) return score.error();
  return Done{};
}

/// One that cannot be told is tried again as tries_in_a_row says. Meanwhile the process is where it
/// was: that its cgroup cannot be read is no move.
Status ProcessTable::find_cgroup(Process& process) {
  if (is_current(process)) return Done{};
  if (options_.read_cgroups) {
    const auto cgroup = read_cgroup(process);
    if (!cgroup) {
      if (cgroup.error().kind == ErrorKind::exhausted) return cgroup.error();
      if (cgroup.error().kind == ErrorKind::vanished) {
        const auto there = is_there(process.id);
        if (!there && there.error().kind == ErrorKind::exhausted) return there.error();
        process.ended = there && !*there;  // just now; else the kernel has no cgroups
        if (process.ended) return Done{};
      }
    }
    const bool certain = cgroup && cgroup->certain;
    process.cgroup_failures = certain ? 0 : std::min(process.cgroup_failures + 1, tries_in_a_row);
    const bool for_good = process.cgroup_failures == tries_in_a_row;
    if (cgroup && (certain || for_good || !process.cgroup || process.cgroup->empty())) {
      keep_cgroup(process, valid_label(cgroup->path));
    }
    if (!process.cgroup) keep_cgroup(process, {});
    if (!certain && !for_good) return Done{};
  } else {
    process.cgroup.reset();  // who asks for it later gets no old one
  }
  process.cgroup_read = refreshed_;
  return Done{};
}

void ProcessTable::keep_cgroup(Process& process, std::string label) {
  if (process.cgroup && *process.cgroup == label) return;
  process.group = nullptr;  // moved
  const auto parent = processes_.find(process.parent);
  if (parent != processes_.end() && parent->second.cgroup && *parent->second.cgroup == label) {
    process.cgroup = parent->second.cgroup;
  } else {
    process.cgroup = std::make_shared<const std::string>(std::move(label));
  }
}

/// The path in the tree that the operator has mounted. A leader that has exited may be in the root
/// by now (version 1).
Result<ProcessTable::FoundCgroup> ProcessTable::read_cgroup(const Process& process) {
  const PidPath path_of_thread(process.id.pid, process.memory_thread, "cgroup");
  const auto text = procfs_.read(path_of_thread.c_str(), buffer_);
  if (!text) {
    count_failure("cgroup", text.error());
    return text.error();
  }
  procfs::Skipped skipped;
  const auto path = procfs::memory_cgroup(*text, &skipped);
  if (!path) {
    count_failure("cgroup", path.error());
    return path.error();
  }
  if (skipped) count_error("cgroup", ErrorKind::malformed);
  if (!*path) return FoundCgroup{{}, false};  // the line may be there the next time
  static const std::string own_root;
  return charged_cgroup(
      procfs::cgroup_in_tree(**path, cgroup_places_ ? cgroup_places_->namespace_root : own_root));
}

Result<ProcessTable::FoundCgroup> ProcessTable::charged_cgroup(const std::string& path) {
  if (!charged_cgroups_) return FoundCgroup{path};
  const auto charged = charged_cgroups_->of(
      path, [this](std::string_view unknown) { return look_for_charged(std::string(unknown)); });
  if (!charged) {
    count_failure("cgroup", charged.error());
    if (charged.error().kind == ErrorKind::exhausted) return charged.error();
    return FoundCgroup{path, false};
  }
  return FoundCgroup{std::string(*charged)};
}

Result<std::size_t> ProcessTable::look_for_charged(const std::string& path) {
  if (!charged_cgroups_->may_hang()) return charged_cgroups_->look_for(path);
  auto length =
      find_in_time(options_.may_hang, "cgroups of processes", longest_look,
                   [cgroups = charged_cgroups_, path] { return cgroups->look_for(path); });
  if (!length) return Error{ErrorKind::timeout, "the look is not done in time", {}, 0};
  return *std::move(length);
}

void ProcessTable::drop_unseen() {
  std::erase_if(processes_, [this](const auto& entry) {
    if (entry.second.last_seen == refresh_number_) return false;
    const auto& process = entry.second;
    if (!process.zombie && !process.missed) note_change(process);  // else it was noted then
    return true;
  });
}

void ProcessTable::note_change(const Process& process) {
  changes_.push_back({process.id.pid, process.parent, process.executable});
}

/// A page's PSS is divided by its mappers, so it moves in a process that did nothing when another
/// one starts, execs or ends. Those with the same executable have the most pages in common.
void ProcessTable::find_sharers() {
  std::map<ExecutableId, std::uint64_t> sharers;
  for (const auto& change : changes_) {
    if (change.executable) sharers[*change.executable] = 0;
  }
  if (sharers.empty()) return;
  std::vector<std::pair<Process*, const std::uint64_t*>> found;
  for (auto& [pid, process] : processes_) {
    if (!process.executable || process.zombie || process.memory_owner) continue;
    const auto of_this = sharers.find(*process.executable);
    if (of_this == sharers.end()) continue;
    ++of_this->second;
    found.emplace_back(&process, &of_this->second);
  }
  for (const auto& [process, count] : found) process->sharers = *count;
}

/// fork copies nothing: parent and child map the same pages until one of them writes, execs or
/// ends. A child that runs another executable by now has let go of them again. Where executables
/// cannot be told, siblings may share too.
void ProcessTable::mark_relatives() {
  if (refresh_number_ == 1) return;  // at first sight everything is unsampled
  using WithExecutable = std::pair<pid_t, std::optional<ExecutableId>>;
  std::set<WithExecutable> changed;
  std::set<WithExecutable> child_changed;
  for (const auto& change : changes_) {
    changed.emplace(change.pid, change.executable);
    const auto parent = processes_.find(change.parent);
    if (parent == processes_.end() || adopts_strangers(parent->second)) continue;
    child_changed.emplace(change.parent, change.executable);
  }
  if (changed.empty()) return;
  for (auto& [pid, process] : processes_) {
    const auto& executable = process.executable;
    if (changed.contains({process.parent, executable}) ||
        child_changed.contains({pid, executable}) ||
        (!executable && child_changed.contains({process.parent, executable}))) {
      process.relatives_changed = refreshed_;
    }
  }
}

Status ProcessTable::find_kin() {
  for (const auto pid : kinship_.find(processes_)) {
    if (auto read = read_again(pid); !read) return read;
  }
  kinship_.settle(processes_);
  others_.sharing_unknown = kinship_.unknown();
  return Done{};
}

Status ProcessTable::read_again(pid_t pid) {
  auto& process = processes_.at(pid);
  process.last_seen = 0;
  if (auto read = refresh_process({pid, process.inode}); !read) return read;
  if (process.last_seen == refresh_number_) return Done{};
  process.ended = true;
  process.last_seen = refresh_number_;  // it leaves the table with the next refresh
  return Done{};
}

Process* ProcessTable::find_program(const ProcessId& id, const Image& image) {
  const auto entry = processes_.find(id.pid);
  if (entry == processes_.end()) return nullptr;
  auto& process = entry->second;
  return process.id == id && process.image.same_program(image) ? &process : nullptr;
}

Process* ProcessTable::find(const ProcessId& id, const Image& image) {
  auto* process = find_program(id, image);
  const bool same = process != nullptr && process->image == image && !process->ended;
  return same ? process : nullptr;
}

Result<bool> ProcessTable::still_runs(const ProcessId& id, const Image& image) {
  const auto found = stat_now(id);
  if (!found) return found.error();
  const auto& stat = *found;
  if (!stat || !same_image(image, *stat)) return false;
  return stat->has_memory() || leader_exited(*stat);
}

void ProcessTable::count_failure(std::string_view file, const Error& error) {
  if (error.kind == ErrorKind::vanished) return;  // a process that ended: nothing is wrong
  if (error.kind == ErrorKind::denied && (file == "stat" || file == "status")) ++others_.denied;
  count_error(file, error.kind);
}

}  // namespace memory_exporter::process
