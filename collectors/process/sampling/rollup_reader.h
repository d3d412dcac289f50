#pragma once

#include "collectors/process/sampling/walk.h"

namespace memory_exporter::process {

/// smaps_rollup in one read; on a kernel before 4.14, which has none, the sums of smaps (about
/// three times the cost, and each mapping's PSS cut to whole KiB).
class RollupReader final : public WalkReader<MemoryWalk> {
 public:
  explicit RollupReader(const procfs::Tree& procfs) : procfs_(procfs) {}

  std::optional<Result<MemoryWalk>> read(const WalkRequest& request, WalkControl& control) override;

 private:
  const procfs::Tree& procfs_;
  procfs::Buffer buffer_;
};

}  // namespace memory_exporter::process
