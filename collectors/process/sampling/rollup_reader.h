#pragma once

#include "collectors/process/sampling/read.h"

namespace memory_exporter::process {

/// smaps_rollup in one read; where there is none (before kernel 4.14, in sandboxes), the sums of
/// smaps, mapping by mapping: about three times the cost, and each mapping's PSS cut to whole KiB.
///
/// A walk without PSS is one of a process whose PSS the kernel does not tell: neither file is there
/// though the process is (no CONFIG_PROC_PAGE_MONITOR), or what is there has no such figure. The
/// latter may also be a process that has just lost its memory.
class RollupReader {
 public:
  explicit RollupReader(const procfs::Tree& procfs) : procfs_(procfs) {}

  Result<MemoryFound> read(const ReadRequest& request, ReadControl& control);

 private:
  Result<MemoryFound> add_up_smaps(const ReadRequest& request, ReadControl& control);
  bool lacks_both(const ReadRequest& request) const;

  const procfs::Tree& procfs_;
  procfs::Buffer buffer_;
};

}  // namespace memory_exporter::process
