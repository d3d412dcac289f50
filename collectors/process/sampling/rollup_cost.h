#pragma once

#include <chrono>
#include <cstdint>

namespace memory_exporter::process {

/// CPU time that the kernel takes for a smaps_rollup: a fixed part, and one for each page in memory
/// or swapped out, for a huge one once. Of a machine of its own time; a process's own walks correct
/// it.
constexpr std::chrono::nanoseconds rollup_cost(std::uint64_t small_pages,
                                               std::uint64_t huge_pages = 0) {
  return std::chrono::nanoseconds(50'000 + 40 * small_pages + 400 * huge_pages);
}

}  // namespace memory_exporter::process
