#pragma once

#include <chrono>
#include <functional>
#include <unordered_map>
#include <vector>

#include "collectors/process/monitor.h"
#include "collectors/process/process.h"
#include "collectors/process/walk.h"

namespace memory_exporter::process {

/// Which processes to walk, and in which order: pure decisions over what the table knows.

/// CPU time that smaps_rollup is expected to take for it, and so how long it would hold the
/// target's mmap_lock: as long as the last walk says and, for what has come in or been swapped out
/// since, as before the first one, by the kernel's usual cost (50 us and 10 ms per GiB of 4 KiB
/// pages).
std::chrono::nanoseconds expected_rollup_cost(const Process& process);

/// True where the sample no longer says what the kernel would: never taken, something moved since
/// (resident set, swap, faults, who shares with it), or older than max_age.
bool is_outdated(const Process& process, Clock::time_point now, std::chrono::nanoseconds max_age);

/// True once the target has rested long enough from its last walk: one that held its mmap_lock for
/// c in one go is left alone for c / stall_budget, and a new one does not begin before all parts of
/// the last come to 4 % of the time since.
bool may_stall(const Process& process, Clock::time_point now, double stall_budget);

/// What a collection asks the sampler for, each list best first: by expected change in bytes per
/// expected cost, times the number of max_ages that it has waited.
struct ChosenWalks {
  std::vector<WalkRequest> quick;  ///< a scrape waits for these
  /// Those that take longer than Options::pss_stall_limit: a lane of their own, so that a giant
  /// delays nobody.
  std::vector<WalkRequest> slow;
};

/// The candidates for a collection that began at `began`. In exact mode: all that it has not walked
/// yet, all to be waited for. `pagemap_works`: giants may be walked through pagemap.
ChosenWalks choose_walks(const std::unordered_map<pid_t, Process>& processes,
                         const Options& options, bool pagemap_works, Clock::time_point began,
                         Clock::time_point now);

/// How often a file is read that is read of every process now and then.
struct ReadingPolicy {
  std::chrono::nanoseconds max_age;
  double stall_budget = 1;  ///< as in may_stall()
  bool exact = false;       ///< every process in every collection
};

/// Whom to read such a file of, in a collection that began at `began`: those never read come first,
/// then the oldest readings. `last`: the last reading there was, or null.
std::vector<WalkRequest> choose_readings(
    const std::unordered_map<pid_t, Process>& processes,
    const std::function<const ReadTimes*(const Process&)>& last, const ReadingPolicy& policy,
    Clock::time_point began, Clock::time_point now);

}  // namespace memory_exporter::process
