#pragma once

#include <cstddef>

#include "collectors/base/result.h"

namespace memory_exporter {

/// How much of a server this process can afford.
struct Capacity {
  std::size_t threads = 0;  ///< connections that are served at the same time
  std::size_t queue = 0;    ///< accepted ones that wait for a thread
};

/// Threads that are started only when they are needed, with stacks of 1 MiB: a reader for each of
/// the four things that are read of processes, one to stop CivetWeb, and some that take over from
/// reads of processes and of the system's files that hang.
inline constexpr std::size_t threads_for_collecting = 12;

/// As many threads as wanted, or as descriptors (RLIMIT_NOFILE) and threads (TasksMax,
/// RLIMIT_NPROC, RLIMIT_AS) allow. What is scraped needs both too: connections leave it 24
/// descriptors, and `threads_for_collecting` as far as four stay for connections. The error says
/// which limit to raise. Starts all of them once to know: 30 us each.
Result<Capacity> affordable(std::size_t wanted_threads);

}  // namespace memory_exporter
