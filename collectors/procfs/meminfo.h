#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "collectors/procfs/bytes.h"
#include "collectors/procfs/result.h"

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
/// A field the kernel does not print stays absent; the version is where it first appeared.
struct Meminfo {
  std::optional<Bytes> total;                  ///< MemTotal
  std::optional<Bytes> free;                   ///< MemFree: without the per-CPU free lists
  std::optional<Bytes> available;              ///< MemAvailable (3.14), an estimate
  std::optional<Bytes> used;                   ///< MemUsed: of a node only
  std::optional<Bytes> buffers;                ///< Buffers: page cache of block devices
  std::optional<Bytes> cached;                 ///< Cached: with Shmem, without SwapCached, Buffers
  std::optional<Bytes> swap_cached;            ///< SwapCached: in RAM and still in swap
  std::optional<Bytes> active;                 ///< Active
  std::optional<Bytes> inactive;               ///< Inactive
  std::optional<Bytes> active_anon;            ///< Active(anon)
  std::optional<Bytes> inactive_anon;          ///< Inactive(anon)
  std::optional<Bytes> active_file;            ///< Active(file)
  std::optional<Bytes> inactive_file;          ///< Inactive(file)
  std::optional<Bytes> unevictable;            ///< Unevictable
  std::optional<Bytes> mlocked;                ///< Mlocked
  std::optional<Bytes> high_total;             ///< HighTotal: 32-bit only, as the next three
  std::optional<Bytes> high_free;              ///< HighFree
  std::optional<Bytes> low_total;              ///< LowTotal
  std::optional<Bytes> low_free;               ///< LowFree
  std::optional<Bytes> mmap_copy;              ///< MmapCopy: without an MMU
  std::optional<Bytes> swap_total;             ///< SwapTotal
  std::optional<Bytes> swap_free;              ///< SwapFree
  std::optional<Bytes> zswap;                  ///< Zswap (5.19): RAM of the compressed copies
  std::optional<Bytes> zswapped;               ///< Zswapped (5.19): what they hold, uncompressed
  std::optional<Bytes> dirty;                  ///< Dirty
  std::optional<Bytes> writeback;              ///< Writeback
  std::optional<Bytes> file_pages;             ///< FilePages: of a node only, Cached plus more
  std::optional<Bytes> anon_pages;             ///< AnonPages: mapped anonymous memory
  std::optional<Bytes> mapped;                 ///< Mapped: page cache that some process maps
  std::optional<Bytes> shmem;                  ///< Shmem: tmpfs and shared memory
  std::optional<Bytes> kernel_reclaimable;     ///< KReclaimable (4.20)
  std::optional<Bytes> slab;                   ///< Slab
  std::optional<Bytes> slab_reclaimable;       ///< SReclaimable
  std::optional<Bytes> slab_unreclaimable;     ///< SUnreclaim
  std::optional<Bytes> kernel_stack;           ///< KernelStack
  std::optional<Bytes> shadow_call_stack;      ///< ShadowCallStack (5.8, arm64)
  std::optional<Bytes> page_tables;            ///< PageTables
  std::optional<Bytes> secondary_page_tables;  ///< SecPageTables (6.1): KVM, IOMMU
  std::optional<Bytes> nfs_unstable;           ///< NFS_Unstable: 0 since 5.8
  std::optional<Bytes> bounce;                 ///< Bounce
  std::optional<Bytes> writeback_tmp;          ///< WritebackTmp
  std::optional<Bytes> commit_limit;           ///< CommitLimit
  std::optional<Bytes> committed_as;           ///< Committed_AS
  std::optional<Bytes> vmalloc_total;          ///< VmallocTotal: address space
  std::optional<Bytes> vmalloc_used;           ///< VmallocUsed: pages since 5.3, before it 0
  std::optional<Bytes> vmalloc_chunk;          ///< VmallocChunk: always 0
  std::optional<Bytes> percpu;                 ///< Percpu (5.0)
  std::optional<Bytes> early_memtest_bad;      ///< EarlyMemtestBad (6.4)
  std::optional<Bytes> hardware_corrupted;     ///< HardwareCorrupted
  std::optional<Bytes> anon_huge_pages;        ///< AnonHugePages
  std::optional<Bytes> shmem_huge_pages;       ///< ShmemHugePages (4.8)
  std::optional<Bytes> shmem_pmd_mapped;       ///< ShmemPmdMapped (4.8)
  std::optional<Bytes> file_huge_pages;        ///< FileHugePages (5.4)
  std::optional<Bytes> file_pmd_mapped;        ///< FilePmdMapped (5.4)
  std::optional<Bytes> cma_total;              ///< CmaTotal
  std::optional<Bytes> cma_free;               ///< CmaFree
  std::optional<Bytes> unaccepted;             ///< Unaccepted (6.5): not yet accepted by a guest
  std::optional<Bytes> balloon;                ///< Balloon (6.16): given back to the host
  std::optional<Bytes> gpu_active;             ///< GPUActive (6.19)
  std::optional<Bytes> gpu_reclaim;            ///< GPUReclaim (6.19)
  std::optional<Bytes> hugepage_size;          ///< Hugepagesize: the default size
  std::optional<Bytes> hugetlb;                ///< Hugetlb (4.20): pools of all sizes

  std::optional<std::uint64_t> huge_pages_total;     ///< HugePages_Total: the default size's pool
  std::optional<std::uint64_t> huge_pages_free;      ///< HugePages_Free
  std::optional<std::uint64_t> huge_pages_reserved;  ///< HugePages_Rsvd
  std::optional<std::uint64_t> huge_pages_surplus;   ///< HugePages_Surp

  std::vector<NamedBytes> direct_map;  ///< DirectMap4k and so on, the name cut to "4k"
  std::vector<NamedBytes> other;       ///< amounts under any other name
};

/// Views in the result point into `text`. Malformed: an amount without "kB", a count that is no
/// number, a text that ends within a line, and one without MemTotal.
Result<Meminfo> parse_meminfo(std::string_view text);

/// The same for one node: every line begins with "Node N ".
Result<Meminfo> parse_node_meminfo(std::string_view text);

}  // namespace memory_exporter::procfs
