#pragma once

#include "collectors/process/facts/process.h"
#include "collectors/process/facts/snapshot.h"

namespace memory_exporter::process {

/// The reason why a process has no sample; meaningful only without one.
Unmeasured why_unmeasured(const Process& process);

/// Counts a process in the sums of its group: figures add up, peaks and ages are the largest.
void count_process(GroupTotals& totals, const Process& process, Clock::time_point now);

}  // namespace memory_exporter::process
