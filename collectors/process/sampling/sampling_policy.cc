#include "collectors/process/sampling/sampling_policy.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace memory_exporter::process {
namespace {

using std::chrono::nanoseconds;

constexpr double page_bytes = 4096;
constexpr double fixed_cost_ns = 50e3;
constexpr double cost_ns_per_byte = 10e6 / (1 << 30);

double bytes(Bytes amount) {
  return static_cast<double>(amount.value);
}

double difference(Bytes a, Bytes b) {
  return bytes(saturating_subtract(a, b) + saturating_subtract(b, a));
}

/// PSS that others have moved since the sample by starting, exec or ending. A page that n processes
/// map counts 1/n for each: where n was m, its share moves by |n - m| / n. Only pages that are
/// shared or may come to be count, which are those of files and shared memory besides what is not
/// private.
double moved_by_others(const Process& process) {
  const auto& sample = *process.sample;
  const auto& memory = sample.memory;
  const double pss = bytes(memory.pss.value_or(process.resident()));
  if (process.relatives_changed >= sample.began) return pss;
  if (process.sharers == sample.sharers || process.sharers == 0) return 0;
  const double now = static_cast<double>(process.sharers);
  const double moved = std::abs(now - static_cast<double>(sample.sharers)) / now;
  double shareable = pss;
  if (sample.uss && memory.pss_file && memory.pss_shmem) {
    const double shared = std::max(0.0, pss - bytes(*sample.uss));
    shareable = std::min(pss, shared + bytes(*memory.pss_file + *memory.pss_shmem));
  }
  return shareable * std::min(1.0, moved);
}

/// What others may move of a process's PSS, as a part of it, before it is walked for that alone.
/// Where hundreds run one executable each start and end moves all of them, by next to nothing.
constexpr double tolerated_move = 1.0 / 256;

/// Of a hold: until all who waited for it are running again.
constexpr double hold_and_wake = 1.25;

/// A walk in small parts holds up nobody for long, but takes the target's lock again and again: all
/// parts together for no more than a share of the time. The smaller one, as long as that makes
/// nobody's figures older than this.
constexpr double lock_share = 0.02;
constexpr double most_lock_share = 0.04;
constexpr nanoseconds unhurried = std::chrono::seconds(5);

/// How many bytes of the group's sums are likely to be wrong without this walk.
double expected_change(const Process& process, Clock::time_point now, nanoseconds max_age) {
  const double resident = bytes(process.resident());
  if (!process.sample) return resident + bytes(process.swap()) + page_bytes;
  const auto& sample = *process.sample;
  // A fault that leaves the resident set as it was may have broken a shared page into a private
  // one.
  const double moved =
      difference(process.resident(), sample.resident) + difference(process.swap(), sample.swap);
  const double faulted = page_bytes * static_cast<double>(process.faults() - sample.faults);
  const double changed = std::min(std::max(moved, faulted), resident + bytes(process.swap()));
  // And what others did to its shared pages unseen: a little, more the longer ago.
  const double age = std::chrono::duration<double>(now - sample.began) / max_age;
  return changed + moved_by_others(process) + 0.01 * resident * std::min(1.0, age);
}

std::optional<procfs::MappedFile> known_program(const Process& process) {
  if (!process.mappings || !process.mappings->found) return std::nullopt;
  return process.mappings->found->program;
}

WalkRequest request_for(const Process& process, WalkMethod method) {
  return {.id = process.id,
          .memory_thread = process.memory_thread,
          .image = process.image,
          .resident = process.resident(),
          .swap = process.swap(),
          .faults = process.faults(),
          .sharers = process.sharers,
          .method = method,
          .program = known_program(process)};
}

/// Has memory of its own, and a walk of it may succeed. Asking again what was refused, or is not
/// there, costs a failed open: once a max_age is enough to notice that it no longer is.
bool is_walkable(const Process& process, Clock::time_point now, nanoseconds max_age) {
  if (process.ended || process.unreadable || process.memory_owner || process.stuck) return false;
  const auto is_due = [&](const std::optional<Clock::time_point>& failed_at) {
    return !failed_at || now - *failed_at >= max_age;
  };
  return is_due(process.denied_at) && is_due(process.unsupported_at);
}

/// pagemap prints eight bytes for each 4 KiB of a huge page of hugetlb, and smaps_rollup walks
/// those quickly. What is swapped out it does not tell: status must.
bool can_use_pagemap(const Process& process) {
  return !process.pagemap_denied && process.status.swap &&
         process.status.hugetlb.value_or(Bytes{}) == Bytes{};
}

/// How many times its max_age a process has waited for its walk, at least 1: what is worth little
/// must come to its turn as well.
double patience(const Process& process, Clock::time_point now, nanoseconds max_age) {
  const auto since = process.sample ? process.sample->began : process.first_seen;
  return std::max(1.0, std::chrono::duration<double>(now - since) / max_age);
}

struct Candidate {
  double worth;
  const Process* process;
  WalkMethod method;
};

std::vector<WalkRequest> in_order(std::vector<Candidate> candidates) {
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return a.worth != b.worth ? a.worth > b.worth : a.process->id < b.process->id;
  });
  std::vector<WalkRequest> walks;
  walks.reserve(candidates.size());
  for (const auto& candidate : candidates) {
    walks.push_back(request_for(*candidate.process, candidate.method));
  }
  return walks;
}

}  // namespace

nanoseconds expected_rollup_cost(const Process& process) {
  // The walk looks at each page that is swapped out, too.
  const double size = bytes(process.resident() + process.swap());
  double cost = fixed_cost_ns + size * cost_ns_per_byte;
  if (process.sample) {
    const double then = bytes(process.sample->resident + process.sample->swap);
    cost = static_cast<double>(process.sample->rollup_cost.count());
    cost =
        size >= then ? cost + (size - then) * cost_ns_per_byte : cost * std::max(size / then, 0.1);
  }
  return nanoseconds(static_cast<std::int64_t>(std::max(cost, 1e3)));
}

bool is_outdated(const Process& process, Clock::time_point now, nanoseconds max_age) {
  if (!process.sample) return true;
  const auto& sample = *process.sample;
  if (process.resident() != sample.resident || process.swap() != sample.swap ||
      process.faults() != sample.faults || now - sample.began >= max_age) {
    return true;
  }
  return moved_by_others(process) >
         tolerated_move * bytes(sample.memory.pss.value_or(process.resident()));
}

nanoseconds rest_after(WalkMethod method, const WalkCost& cost, double stall_budget) {
  const auto times = [](nanoseconds time, double factor) {
    const std::chrono::duration<double, std::nano> product = time * factor;
    constexpr std::chrono::duration<double, std::nano> longest = longest_stall_rest;
    return std::chrono::duration_cast<nanoseconds>(std::min(product, longest));
  };
  const double factor = hold_and_wake / stall_budget;
  if (method == WalkMethod::rollup) {
    return times(std::max(cost.longest_hold, cost.stalled), factor);
  }
  return std::max({times(cost.longest_hold, factor),
                   std::min(unhurried, times(cost.cpu, 1 / lock_share)),
                   times(cost.cpu, 1 / most_lock_share)});
}

ChosenWalks choose_walks(const std::unordered_map<pid_t, Process>& processes,
                         const Options& options, bool pagemap_works, Clock::time_point began,
                         Clock::time_point now) {
  const bool exact = options.pss_mode == PssMode::exact;
  const auto max_age = options.pss_max_age;
  std::vector<Candidate> quick;
  std::vector<Candidate> slow;
  for (const auto& [pid, process] : processes) {
    if (!is_walkable(process, now, max_age)) continue;
    const bool outdated = exact ? !process.sample || process.sample->began < began
                                : is_outdated(process, now, max_age);
    if (!outdated) continue;
    const auto cost = expected_rollup_cost(process);
    const bool giant = !exact && cost > options.pss_stall_limit;
    const bool courteous = giant && pagemap_works && can_use_pagemap(process);
    const auto method = courteous ? WalkMethod::pagemap : WalkMethod::rollup;
    if (!exact && now < process.rests_until(method)) continue;
    const double worth = expected_change(process, now, max_age) * patience(process, now, max_age) /
                         static_cast<double>(cost.count());
    (giant ? slow : quick).push_back({worth, &process, method});
  }
  return {in_order(std::move(quick)), in_order(std::move(slow))};
}

std::vector<WalkRequest> choose_readings(const std::unordered_map<pid_t, Process>& processes,
                                         const LastRead& last, const ReadingPolicy& policy,
                                         Clock::time_point began, Clock::time_point now) {
  std::vector<std::pair<Clock::time_point, const Process*>> due;
  for (const auto& [pid, process] : processes) {
    if (process.ended || process.unreadable || process.memory_owner || process.stuck) continue;
    const bool rests = policy.walks_pages && now < process.rests_until(WalkMethod::rollup);
    if (rests && !policy.exact) continue;
    const auto read = last(process);
    const bool outdated = !read || (policy.exact ? *read < began : now - *read >= policy.max_age);
    if (outdated) due.emplace_back(read.value_or(Clock::time_point::min()), &process);
  }
  std::sort(due.begin(), due.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : a.second->id < b.second->id;
  });
  std::vector<WalkRequest> requests;
  requests.reserve(due.size());
  for (const auto& [began_then, process] : due) {
    requests.push_back(request_for(*process, WalkMethod::rollup));
  }
  return requests;
}

}  // namespace memory_exporter::process
