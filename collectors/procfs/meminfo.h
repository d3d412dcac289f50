#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "collectors/base/bytes.h"
#include "collectors/procfs/parsed.h"

namespace memory_exporter::procfs {

/// An amount under a name that is known only when the text is read.
struct NamedBytes {
  std::string_view name;
  Bytes amount;

  friend bool operator==(const NamedBytes&, const NamedBytes&) = default;
};

/// /proc/meminfo (kernel: fs/proc/meminfo.c, meminfo_proc_show) and the same for one NUMA node,
/// /sys/devices/system/node/nodeN/meminfo (drivers/base/node.c, node_read_meminfo), which has fewer
/// fields. Readable by everyone; about 20 us to read (the kernel sums per-CPU counters and walks
/// the block devices for Buffers), 2 us to parse.
///
/// The figures are read one after another while the machine runs: they are not one moment's.
/// A field the kernel does not print stays absent, and so does an amount that no machine can hold
/// (see plausible.h). The version is where a field first appeared.
struct Meminfo {
  OptionalBytes total;                  ///< MemTotal
  OptionalBytes free;                   ///< MemFree: without the per-CPU free lists
  OptionalBytes available;              ///< MemAvailable (3.14), an estimate
  OptionalBytes used;                   ///< MemUsed: of a node only
  OptionalBytes buffers;                ///< Buffers: page cache of block devices
  OptionalBytes cached;                 ///< Cached: with Shmem, without SwapCached, Buffers
  OptionalBytes swap_cached;            ///< SwapCached: in RAM and still in swap
  OptionalBytes active;                 ///< Active
  OptionalBytes inactive;               ///< Inactive
  OptionalBytes active_anon;            ///< Active(anon)
  OptionalBytes inactive_anon;          ///< Inactive(anon)
  OptionalBytes active_file;            ///< Active(file)
  OptionalBytes inactive_file;          ///< Inactive(file)
  OptionalBytes unevictable;            ///< Unevictable
  OptionalBytes mlocked;                ///< Mlocked
  OptionalBytes high_total;             ///< HighTotal: 32-bit only, as the next three
  OptionalBytes high_free;              ///< HighFree
  OptionalBytes low_total;              ///< LowTotal
  OptionalBytes low_free;               ///< LowFree
  OptionalBytes mmap_copy;              ///< MmapCopy: without an MMU
  OptionalBytes swap_total;             ///< SwapTotal
  OptionalBytes swap_free;              ///< SwapFree
  OptionalBytes zswap;                  ///< Zswap (5.19): RAM of the compressed copies
  OptionalBytes zswapped;               ///< Zswapped (5.19): what they hold, uncompressed
  OptionalBytes dirty;                  ///< Dirty
  OptionalBytes writeback;              ///< Writeback
  OptionalBytes file_pages;             ///< FilePages: of a node only, Cached plus more
  OptionalBytes anon_pages;             ///< AnonPages: mapped anonymous memory
  OptionalBytes mapped;                 ///< Mapped: page cache that some process maps
  OptionalBytes shmem;                  ///< Shmem: tmpfs and shared memory
  OptionalBytes kernel_reclaimable;     ///< KReclaimable (4.20)
  OptionalBytes slab;                   ///< Slab
  OptionalBytes slab_reclaimable;       ///< SReclaimable
  OptionalBytes slab_unreclaimable;     ///< SUnreclaim
  OptionalBytes kernel_stack;           ///< KernelStack
  OptionalBytes shadow_call_stack;      ///< ShadowCallStack (5.8, arm64)
  OptionalBytes page_tables;            ///< PageTables
  OptionalBytes secondary_page_tables;  ///< SecPageTables (6.1): KVM, IOMMU
  OptionalBytes nfs_unstable;           ///< NFS_Unstable: 0 since 5.8
  OptionalBytes bounce;                 ///< Bounce
  OptionalBytes writeback_tmp;          ///< WritebackTmp
  OptionalBytes commit_limit;           ///< CommitLimit
  OptionalBytes committed_as;           ///< Committed_AS
  OptionalBytes vmalloc_total;          ///< VmallocTotal: address space
  OptionalBytes vmalloc_used;           ///< VmallocUsed: pages since 5.3, 0 since 4.4
  OptionalBytes vmalloc_chunk;          ///< VmallocChunk: 0 since 4.4
  OptionalBytes percpu;                 ///< Percpu (5.0)
  OptionalBytes early_memtest_bad;      ///< EarlyMemtestBad (6.4)
  OptionalBytes hardware_corrupted;     ///< HardwareCorrupted
  OptionalBytes anon_huge_pages;        ///< AnonHugePages
  OptionalBytes shmem_huge_pages;       ///< ShmemHugePages (4.8)
  OptionalBytes shmem_pmd_mapped;       ///< ShmemPmdMapped (4.8)
  OptionalBytes file_huge_pages;        ///< FileHugePages (5.4)
  OptionalBytes file_pmd_mapped;        ///< FilePmdMapped (5.4)
  OptionalBytes cma_total;              ///< CmaTotal
  OptionalBytes cma_free;               ///< CmaFree
  OptionalBytes unaccepted;             ///< Unaccepted (6.5): not yet accepted by a guest
  OptionalBytes balloon;                ///< Balloon (6.16): given back to the host
  OptionalBytes gpu_active;             ///< GPUActive (6.19)
  OptionalBytes gpu_reclaim;            ///< GPUReclaim (6.19)
  OptionalBytes hugepage_size;          ///< Hugepagesize: the default size
  OptionalBytes hugetlb;                ///< Hugetlb (4.16): pools of all sizes

  std::optional<std::uint64_t> huge_pages_total;     ///< HugePages_Total: the default size's pool
  std::optional<std::uint64_t> huge_pages_free;      ///< HugePages_Free
  std::optional<std::uint64_t> huge_pages_reserved;  ///< HugePages_Rsvd
  std::optional<std::uint64_t> huge_pages_surplus;   ///< HugePages_Surp

  std::vector<NamedBytes> direct_map;  ///< DirectMap4k and so on, the name cut to "4k"
  std::vector<NamedBytes> other;       ///< amounts under any other name
};

/// Views in the result point into `text`. A field printed twice keeps its first amount. Skipped: a
/// field with a member above whose value has another form (no "kB", a number below 0), and a last
/// line that is cut short. A field without a member whose value is no amount is passed over:
/// kernels of vendors print counts and tables of their own.
Parsed<Meminfo> parse_meminfo(std::string_view text);

/// The same for one node: every line begins with "Node N ", and another one is skipped.
Parsed<Meminfo> parse_node_meminfo(std::string_view text);

}  // namespace memory_exporter::procfs
