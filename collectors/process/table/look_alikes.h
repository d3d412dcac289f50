#pragma once

#include <sys/types.h>

#include <cstdint>
#include <unordered_map>

#include "collectors/process/facts/process.h"

namespace memory_exporter::process {

/// Is in the table with memory, and was read in this refresh.
inline bool is_countable(const Process& process) {
  return !process.ended && !process.unreadable;
}

/// How many forked processes, not known to share, may be on the memory of another process: kcmp
/// cannot say of the two, and neither do their figures. On one mm VmExe stays and VmPeak never
/// falls, and where nothing has moved since the last refresh all figures are the same.
/// About 0.1 us a process.
std::uint64_t count_look_alikes(const std::unordered_map<pid_t, Process>& processes);

}  // namespace memory_exporter::process
