#include "collectors/procfs/meminfo.h"

#include <array>

#include "collectors/base/label.h"
#include "collectors/builtin.h"
#include "collectors/single_values.h"

namespace memory_exporter {
namespace {

using procfs::Meminfo;

struct Row {
  Family family;
  OptionalBytes Meminfo::*member;
};

constexpr auto gauge = MetricType::gauge;

/// The kernel's fields in snake_case, but for those that promtool's lint takes for units (a lone
/// "s", "sec"). HugePages_* belong to the collector hugepages.
constexpr Row rows[] = {
    {{"memory_meminfo_mem_total_bytes", gauge,
      "Usable RAM, without what the kernel reserved at boot; /proc/meminfo MemTotal."},
     &Meminfo::total},
    {{"memory_meminfo_mem_free_bytes", gauge,
      "Unused RAM, without the per-CPU free lists; /proc/meminfo MemFree."},
     &Meminfo::free},
    {{"memory_meminfo_mem_available_bytes", gauge,
      "The kernel's estimate of what new processes can use without swapping; /proc/meminfo "
      "MemAvailable."},
     &Meminfo::available},
    {{"memory_meminfo_buffers_bytes", gauge, "Page cache of block devices; /proc/meminfo Buffers."},
     &Meminfo::buffers},
    {{"memory_meminfo_cached_bytes", gauge,
      "Page cache with Shmem, without Buffers and SwapCached; /proc/meminfo Cached."},
     &Meminfo::cached},
    {{"memory_meminfo_swap_cached_bytes", gauge,
      "Memory in RAM whose copy in swap is still valid; /proc/meminfo SwapCached. Part of it is "
      "mapped and counts in AnonPages too."},
     &Meminfo::swap_cached},
    {{"memory_meminfo_active_bytes", gauge, "Recently used pages; /proc/meminfo Active."},
     &Meminfo::active},
    {{"memory_meminfo_inactive_bytes", gauge,
      "Pages first in line for reclaim; /proc/meminfo Inactive."},
     &Meminfo::inactive},
    {{"memory_meminfo_active_anon_bytes", gauge,
      "Recently used anonymous and shmem pages; /proc/meminfo Active(anon)."},
     &Meminfo::active_anon},
    {{"memory_meminfo_inactive_anon_bytes", gauge,
      "Anonymous and shmem pages first in line for reclaim; /proc/meminfo Inactive(anon)."},
     &Meminfo::inactive_anon},
    {{"memory_meminfo_active_file_bytes", gauge,
      "Recently used page cache; /proc/meminfo Active(file)."},
     &Meminfo::active_file},
    {{"memory_meminfo_inactive_file_bytes", gauge,
      "Page cache first in line for reclaim; /proc/meminfo Inactive(file)."},
     &Meminfo::inactive_file},
    {{"memory_meminfo_unevictable_bytes", gauge,
      "Pages that cannot be reclaimed: mlocked, ramfs, secret memory; /proc/meminfo Unevictable."},
     &Meminfo::unevictable},
    {{"memory_meminfo_mlocked_bytes", gauge,
      "Memory locked by mlock, within Unevictable; /proc/meminfo Mlocked."},
     &Meminfo::mlocked},
    {{"memory_meminfo_high_total_bytes", gauge,
      "RAM above the kernel's direct mapping, on 32-bit kernels; /proc/meminfo HighTotal."},
     &Meminfo::high_total},
    {{"memory_meminfo_high_free_bytes", gauge,
      "Unused RAM above the kernel's direct mapping; /proc/meminfo HighFree."},
     &Meminfo::high_free},
    {{"memory_meminfo_low_total_bytes", gauge,
      "RAM that the kernel maps directly, on 32-bit kernels; /proc/meminfo LowTotal."},
     &Meminfo::low_total},
    {{"memory_meminfo_low_free_bytes", gauge,
      "Unused RAM that the kernel maps directly; /proc/meminfo LowFree."},
     &Meminfo::low_free},
    {{"memory_meminfo_mmap_copy_bytes", gauge,
      "Memory of mappings on kernels without an MMU; /proc/meminfo MmapCopy."},
     &Meminfo::mmap_copy},
    {{"memory_meminfo_swap_total_bytes", gauge,
      "Swap space of all devices; /proc/meminfo SwapTotal."},
     &Meminfo::swap_total},
    {{"memory_meminfo_swap_free_bytes", gauge,
      "Unused swap space of all devices; /proc/meminfo SwapFree."},
     &Meminfo::swap_free},
    {{"memory_meminfo_zswap_bytes", gauge,
      "RAM that holds compressed pages of zswap; /proc/meminfo Zswap."},
     &Meminfo::zswap},
    {{"memory_meminfo_zswapped_bytes", gauge,
      "Memory that zswap holds, at its size before compression; /proc/meminfo Zswapped."},
     &Meminfo::zswapped},
    {{"memory_meminfo_dirty_bytes", gauge,
      "Page cache waiting to be written to disk; /proc/meminfo Dirty."},
     &Meminfo::dirty},
    {{"memory_meminfo_writeback_bytes", gauge,
      "Page cache being written to disk; /proc/meminfo Writeback."},
     &Meminfo::writeback},
    {{"memory_meminfo_anon_pages_bytes", gauge,
      "Anonymous memory mapped by processes; /proc/meminfo AnonPages."},
     &Meminfo::anon_pages},
    {{"memory_meminfo_mapped_bytes", gauge,
      "Page cache, shared memory included, that some process maps; /proc/meminfo Mapped."},
     &Meminfo::mapped},
    {{"memory_meminfo_shmem_bytes", gauge,
      "Shared memory and tmpfs in RAM, within Cached; /proc/meminfo Shmem."},
     &Meminfo::shmem},
    {{"memory_meminfo_kernel_reclaimable_bytes", gauge,
      "Kernel memory that reclaim can ask back, SReclaimable included; /proc/meminfo "
      "KReclaimable."},
     &Meminfo::kernel_reclaimable},
    {{"memory_meminfo_slab_bytes", gauge,
      "Kernel objects: SReclaimable and SUnreclaim; /proc/meminfo Slab."},
     &Meminfo::slab},
    {{"memory_meminfo_slab_reclaimable_bytes", gauge,
      "Kernel objects that can be reclaimed, such as dentries and inodes; /proc/meminfo "
      "SReclaimable."},
     &Meminfo::slab_reclaimable},
    {{"memory_meminfo_slab_unreclaimable_bytes", gauge,
      "Kernel objects that cannot be reclaimed; /proc/meminfo SUnreclaim."},
     &Meminfo::slab_unreclaimable},
    {{"memory_meminfo_kernel_stack_bytes", gauge,
      "Kernel stacks of all threads; /proc/meminfo KernelStack. Within VmallocUsed where stacks "
      "are "
      "vmapped."},
     &Meminfo::kernel_stack},
    {{"memory_meminfo_shadow_call_stack_bytes", gauge,
      "Shadow call stacks of all threads, on arm64; /proc/meminfo ShadowCallStack."},
     &Meminfo::shadow_call_stack},
    {{"memory_meminfo_page_tables_bytes", gauge,
      "Page tables of user processes; /proc/meminfo PageTables."},
     &Meminfo::page_tables},
    {{"memory_meminfo_secondary_page_tables_bytes", gauge,
      "Page tables of virtual machines and IOMMUs; /proc/meminfo SecPageTables."},
     &Meminfo::secondary_page_tables},
    {{"memory_meminfo_nfs_unstable_bytes", gauge,
      "NFS pages sent and not yet stored, 0 since kernel 5.8; /proc/meminfo NFS_Unstable."},
     &Meminfo::nfs_unstable},
    {{"memory_meminfo_bounce_bytes", gauge,
      "Bounce buffers of block devices; /proc/meminfo Bounce."},
     &Meminfo::bounce},
    {{"memory_meminfo_writeback_tmp_bytes", gauge,
      "FUSE's temporary buffers for writing back; /proc/meminfo WritebackTmp."},
     &Meminfo::writeback_tmp},
    {{"memory_meminfo_commit_limit_bytes", gauge,
      "Most that can be committed under overcommit policy 2; /proc/meminfo CommitLimit."},
     &Meminfo::commit_limit},
    {{"memory_meminfo_committed_as_bytes", gauge,
      "Memory promised to processes, touched or not; /proc/meminfo Committed_AS."},
     &Meminfo::committed_as},
    {{"memory_meminfo_vmalloc_total_bytes", gauge,
      "Address space of vmalloc, a constant; /proc/meminfo VmallocTotal."},
     &Meminfo::vmalloc_total},
    {{"memory_meminfo_vmalloc_used_bytes", gauge,
      "Pages allocated through vmalloc, vmapped kernel stacks included; /proc/meminfo VmallocUsed. "
      "0 before kernel 5.3, address space before 4.4."},
     &Meminfo::vmalloc_used},
    {{"memory_meminfo_vmalloc_chunk_bytes", gauge,
      "Largest free piece of vmalloc's address space before kernel 4.4, 0 since; /proc/meminfo "
      "VmallocChunk."},
     &Meminfo::vmalloc_chunk},
    {{"memory_meminfo_percpu_bytes", gauge,
      "Memory of per-CPU variables, all CPUs' copies; /proc/meminfo Percpu."},
     &Meminfo::percpu},
    {{"memory_meminfo_early_memtest_bad_bytes", gauge,
      "RAM that the memory test at boot found bad; /proc/meminfo EarlyMemtestBad."},
     &Meminfo::early_memtest_bad},
    {{"memory_meminfo_hardware_corrupted_bytes", gauge,
      "RAM taken out of use after hardware errors; /proc/meminfo HardwareCorrupted."},
     &Meminfo::hardware_corrupted},
    {{"memory_meminfo_anon_huge_pages_bytes", gauge,
      "Transparent huge pages of anonymous memory, within AnonPages; /proc/meminfo AnonHugePages."},
     &Meminfo::anon_huge_pages},
    {{"memory_meminfo_shmem_huge_pages_bytes", gauge,
      "Transparent huge pages of shared memory, within Shmem; /proc/meminfo ShmemHugePages."},
     &Meminfo::shmem_huge_pages},
    {{"memory_meminfo_shmem_pmd_mapped_bytes", gauge,
      "Shared memory mapped by whole huge pages; /proc/meminfo ShmemPmdMapped."},
     &Meminfo::shmem_pmd_mapped},
    {{"memory_meminfo_file_huge_pages_bytes", gauge,
      "Transparent huge pages of files, within Cached; /proc/meminfo FileHugePages."},
     &Meminfo::file_huge_pages},
    {{"memory_meminfo_file_pmd_mapped_bytes", gauge,
      "Files mapped by whole huge pages; /proc/meminfo FilePmdMapped."},
     &Meminfo::file_pmd_mapped},
    {{"memory_meminfo_cma_total_bytes", gauge,
      "RAM in contiguous memory areas, usable by others meanwhile; /proc/meminfo CmaTotal."},
     &Meminfo::cma_total},
    {{"memory_meminfo_cma_free_bytes", gauge,
      "Free part of the contiguous memory areas, within MemFree; /proc/meminfo CmaFree."},
     &Meminfo::cma_free},
    {{"memory_meminfo_unaccepted_bytes", gauge,
      "RAM that a confidential guest has not accepted yet; /proc/meminfo Unaccepted."},
     &Meminfo::unaccepted},
    {{"memory_meminfo_balloon_bytes", gauge,
      "RAM that a balloon driver has given back to the host; /proc/meminfo Balloon."},
     &Meminfo::balloon},
    {{"memory_meminfo_gpu_active_bytes", gauge,
      "System memory that GPU drivers use; /proc/meminfo GPUActive."},
     &Meminfo::gpu_active},
    {{"memory_meminfo_gpu_reclaim_bytes", gauge,
      "System memory in GPU drivers' pools, reclaimable; /proc/meminfo GPUReclaim."},
     &Meminfo::gpu_reclaim},
    {{"memory_meminfo_hugepagesize_bytes", gauge,
      "Default size of a hugetlb page; /proc/meminfo Hugepagesize."},
     &Meminfo::hugepage_size},
    {{"memory_meminfo_hugetlb_bytes", gauge,
      "Memory in the hugetlb pools of all sizes, used or not; /proc/meminfo Hugetlb."},
     &Meminfo::hugetlb},
};

constexpr Family direct_map = {
    "memory_meminfo_direct_map_bytes", gauge,
    "RAM in the kernel's direct mapping by the size of its pages; /proc/meminfo DirectMap4k and "
    "so on."};

constexpr Family other = {
    "memory_meminfo_other_bytes", gauge,
    "Fields of /proc/meminfo that have no metric of their own: those of kernels to come and of "
    "vendors."};

constexpr auto meminfo_families = join_families(families_of(rows), std::array{direct_map, other});

void write_named(MetricSink& sink, const Family& family, std::string_view label,
                 const std::vector<procfs::NamedBytes>& amounts) {
  sink.family(family);
  for (const auto& [name, amount] : amounts) sink.sample({{label, valid_label(name)}}, amount);
}

class MeminfoCollector final : public Collector {
 public:
  std::string_view name() const override { return "meminfo"; }
  std::span<const Family> families() const override { return meminfo_families; }

  void collect(Collection& collection) const override {
    const auto* meminfo = collection.meminfo.get(collection.errors);
    if (meminfo == nullptr) return;
    auto& sink = collection.sink;
    for (const auto& [family, member] : rows) {
      sink.family(family);
      if (const auto& amount = meminfo->*member) sink.sample(*amount);
    }
    write_named(sink, direct_map, "size", meminfo->direct_map);
    write_named(sink, other, "field", meminfo->other);
  }
};

}  // namespace

std::unique_ptr<Collector> make_meminfo_collector(const Trees&, const CollectorOptions&) {
  return std::make_unique<MeminfoCollector>();
}

}  // namespace memory_exporter
