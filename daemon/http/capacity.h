#pragma once

#include <cstddef>

#include "collectors/base/result.h"

namespace memory_exporter {

/// How much of a server this process can afford.
struct Capacity {
  std::size_t threads = 0;  ///< connections that are served at the same time
  std::size_t queue = 0;    ///< accepted ones that wait for a thread
};

/// As many threads as wanted, or as descriptors (RLIMIT_NOFILE) and threads (TasksMax,
/// RLIMIT_NPROC, RLIMIT_AS) allow. What is scraped needs descriptors too, so connections leave
/// it 24. The error says which limit to raise. Starts the threads once to know: 30 us each.
Result<Capacity> affordable(std::size_t wanted_threads);

}  // namespace memory_exporter
