#pragma once

#include <chrono>

#include "collectors/process/sampling/read.h"
#include "collectors/procfs/smaps.h"

namespace memory_exporter::process {

/// After reading for so long without a pause there is one, so that a waiting mmap gets through:
/// readers hand the lock to each other.
inline constexpr std::chrono::milliseconds longest_smaps_run{1};
inline constexpr std::chrono::microseconds smaps_pause{50};

/// Calls `visit(const SmapsEntry&)` for each mapping of a smaps. It walks the page tables like
/// smaps_rollup, at three times its cost for a small process; 200,000 mappings need no more memory
/// than one. The kernel hands the file out a page at a time, five mappings or so, and lets the
/// target's mmap_lock go in between; but one large mapping is one hold.
template <typename Visit>
Status for_each_mapping(const procfs::Tree& procfs, const char* smaps, procfs::Buffer& buffer,
                        ReadControl& control, Visit&& visit) {
  procfs::SmapsParser parser;
  auto run_began = Clock::now();
  return procfs.read_in_pieces(smaps, buffer, [&](std::string_view text, bool last) {
    control.held();
    auto taken = parser.parse(text, last, visit);
    if (!last && Clock::now() - run_began >= longest_smaps_run) {
      // It goes on even where the budget is spent: what has been read would be of no use, and the
      // debt is this one process.
      control.pause(smaps_pause);
      run_began = Clock::now();
    }
    return taken;
  });
}

}  // namespace memory_exporter::process
