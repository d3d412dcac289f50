#pragma once

#include <chrono>
#include <unordered_map>
#include <vector>

#include "collectors/process/monitor.h"
#include "collectors/process/process.h"
#include "collectors/process/sampler.h"

namespace memory_exporter::process {

/// Which processes to walk, and in which order: pure decisions over what the table knows.

/// How long a walk of it is expected to take: as long as the last one, scaled to what is resident
/// now; before the first, by the kernel's usual cost (50 us and 10 ms per GiB of 4 KiB pages).
std::chrono::nanoseconds expected_cost(const Process& process);

/// True where the sample no longer says what the kernel would: never taken, something moved since
/// (resident set, swap, faults, neighbours), or older than max_age.
bool is_outdated(const Process& process, Clock::time_point now, std::chrono::nanoseconds max_age);

/// True once the target has rested long enough from its last walk: one that held its mmap_lock for
/// c is left alone for c / stall_budget.
bool may_stall(const Process& process, Clock::time_point now, double stall_budget);

/// The candidates for a collection that began at `began`, best first: by expected change in bytes
/// per expected cost. In exact mode: all that it has not walked yet.
std::vector<WalkRequest> choose_walks(const std::unordered_map<pid_t, Process>& processes,
                                      const Options& options, Clock::time_point began,
                                      Clock::time_point now);

}  // namespace memory_exporter::process
