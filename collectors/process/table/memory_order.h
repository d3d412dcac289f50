#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>

#include "collectors/procfs/reader.h"

namespace memory_exporter::process {

/// Where the mm of one process or thread stands to another's, in an order of all mms that lasts as
/// long as they do.
enum class MemoryOrder : std::uint8_t {
  before,
  same,
  after,
  unknown,  ///< one of the two is gone, or the kernel does not tell us
};

using CompareMemory = std::function<MemoryOrder(pid_t, pid_t)>;

/// kcmp(2) with KCMP_VM, 0.4 us: the order of the addresses of two mm_structs, scrambled by a
/// secret of this boot (kernel: kernel/kcmp.c). Needs ptrace access to both, a kernel with
/// CONFIG_KCMP and a seccomp filter that lets it through. The pids are those of the caller's own
/// pid namespace. Two that have let go of their memory are the same.
MemoryOrder compare_memory_by_kcmp(pid_t a, pid_t b);

/// kcmp, where the procfs shows the pids of our own pid namespace; else one that knows nothing.
CompareMemory memory_comparison_for(const procfs::Tree& procfs);

}  // namespace memory_exporter::process
