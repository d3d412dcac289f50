#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "collectors/process/sampling/region.h"
#include "collectors/process/sampling/walk.h"

namespace memory_exporter::process {

/// smaps, added up by region. Walks the page tables like smaps_rollup, at three times its cost for
/// a small process. The kernel hands the file out a page at a time, five mappings or so, and lets
/// the target's mmap_lock go in between; but one large mapping is one hold.
class MappingsReader final : public WalkReader<MappingsFound> {
 public:
  /// After reading for so long without a pause there is one, so that a waiting mmap gets through:
  /// readers hand the lock to each other.
  static constexpr std::chrono::milliseconds longest_run{1};
  static constexpr std::chrono::microseconds pause{50};

  explicit MappingsReader(const procfs::Tree& procfs) : procfs_(procfs) {}

  std::optional<Result<MappingsFound>> read(const WalkRequest& request,
                                            WalkControl& control) override;

 private:
  std::string executable_of(const WalkRequest& request) const;

  const procfs::Tree& procfs_;
  procfs::Buffer buffer_;
  MappingTotals totals_;  ///< of the process being read; a copy has just the room it needs
  std::optional<bool> stacks_are_marked_;  ///< asked of the kernel at the first read
};

}  // namespace memory_exporter::process
