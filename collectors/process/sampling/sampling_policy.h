#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <unordered_map>
#include <vector>

#include "collectors/process/facts/options.h"
#include "collectors/process/facts/process.h"
#include "collectors/process/sampling/walk.h"

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

/// How much of a target's time a read of it takes up: the next one begins no sooner than so long
/// after this one began.
///
/// One that held its mmap_lock for c takes c / stall_budget, and a quarter more, because who waits
/// for the lock has to be woken as well; c is the longest hold, or the sum of those of a
/// millisecond or more. A walk in parts takes 50 times its CPU time up to five seconds, and at
/// least 25 times: all parts together hold the lock for 2 %, of a huge process for 4 % of the time.
std::chrono::nanoseconds rest_after(WalkMethod method, const WalkCost& cost, double stall_budget);

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
  bool exact = false;       ///< every process in every collection
  bool walks_pages = true;  ///< and so waits for a process that rests; else its holds are short
};

/// When such a file was last read of a process, where it was.
using LastRead = std::function<std::optional<Clock::time_point>(const Process&)>;

/// Whom to read such a file of, in a collection that began at `began`: those never read come first,
/// then the oldest readings.
std::vector<WalkRequest> choose_readings(const std::unordered_map<pid_t, Process>& processes,
                                         const LastRead& last, const ReadingPolicy& policy,
                                         Clock::time_point began, Clock::time_point now);

}  // namespace memory_exporter::process
