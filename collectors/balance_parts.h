#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "collectors/procfs/meminfo.h"

namespace memory_exporter {

/// What a part of the balance has in bytes: some can be negative, one that nobody counts is absent.
using Amount = std::optional<std::int64_t>;

Amount amount(const OptionalBytes& bytes);

/// a + b of what is known; nothing where neither is.
Amount plus(Amount a, Amount b);

/// What the kernel says besides meminfo.
struct KernelFigures {
  Amount managed;      ///< zoneinfo (3.9): pages that the allocator hands out
  Amount percpu_free;  ///< zoneinfo: free pages in per-CPU lists
  Amount isolated;     ///< vmstat: taken off the LRU lists for a moment
  Amount zspages;      ///< vmstat (4.8): all of zsmalloc, zram's and zswap's
  Amount zram;         ///< zram's disks, where zspages is not counted
  Amount memmap;       ///< vmstat: page structures allocated after boot
  Amount hugetlb;      ///< the hugetlb pools of all sizes, where meminfo has no sum
  bool zswap_in_zspages = true;
  bool balloon_in_total = false;
  bool meminfo_replaced = false;  ///< another file is mounted over meminfo
};

/// Sums of samples over the processes that have one.
struct ProcessFigures {
  Amount anon;
  Amount file;
  Amount shmem;
};

struct Part {
  std::string_view name;
  Amount amount;
};

/// The parts of MemTotal, the rest of it as the last; docs/balance.md derives each from the
/// kernel's source, of old kernels too.
std::vector<Part> parts_of(const procfs::Meminfo& meminfo, const KernelFigures& kernel,
                           const ProcessFigures& processes);

/// Why these parts are not those of one machine; empty where nothing speaks against it. lxcfs gives
/// a container a meminfo with a MemTotal of its own and leaves slab, zones and vmstat the
/// machine's. Says so only of figures that no kernel gives: a balance that is hidden for no reason
/// is worse than one that is off.
std::string_view reason_against(const procfs::Meminfo& meminfo, const KernelFigures& kernel,
                                const std::vector<Part>& parts);

}  // namespace memory_exporter
