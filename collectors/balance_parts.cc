#include "collectors/balance_parts.h"

#include <algorithm>

namespace memory_exporter {
namespace {

/// a - b where both are known; nothing else.
Amount minus(Amount a, Amount b) {
  if (!a || !b) return std::nullopt;
  return *a - *b;
}

Amount or_zero(Amount a) {
  return a.value_or(0);
}

Amount at_least_zero(Amount a) {
  if (a) a = std::max<std::int64_t>(*a, 0);
  return a;
}

/// The page cache, shared memory included: Cached, split. The four and the file and shmem samples
/// add up to it.
struct CachedPages {
  Amount mapped_unattributed;
  Amount page_cache;
  Amount shmem_unmapped;
};

/// Mapped does not say what is mapped. What no sample explains is taken from the page cache first
/// and from shared memory where that is used up, so that none of them goes below what it is. Where
/// the kernel counts no Mapped or no Shmem, that part is absent and its pages stay in page_cache.
CachedPages split_cached(const procfs::Meminfo& meminfo, const ProcessFigures& processes) {
  const auto cached = amount(meminfo.cached);
  const auto shmem = amount(meminfo.shmem);
  CachedPages pages;
  pages.mapped_unattributed =
      minus(minus(amount(meminfo.mapped), or_zero(processes.file)), or_zero(processes.shmem));
  const auto other_file = minus(minus(cached, shmem ? shmem : or_zero(processes.shmem)),  //
                                or_zero(processes.file));
  if (!other_file) return pages;
  const auto unattributed = pages.mapped_unattributed.value_or(0);
  const auto from_file =
      shmem ? std::min(unattributed, std::max<std::int64_t>(*other_file, 0)) : unattributed;
  pages.page_cache = *other_file - from_file;
  pages.shmem_unmapped =
      minus(minus(shmem, or_zero(processes.shmem)), Amount(unattributed - from_file));
  return pages;
}

/// Pages on the LRU lists that neither a process maps nor the page cache holds.
Amount anon_unmapped(const procfs::Meminfo& meminfo, const KernelFigures& kernel) {
  if (!meminfo.active || !meminfo.inactive) return std::nullopt;
  const auto lru = plus(plus(amount(meminfo.active), amount(meminfo.inactive)),
                        plus(amount(meminfo.unevictable), kernel.isolated));
  return at_least_zero(minus(minus(minus(lru, amount(meminfo.anon_pages)), amount(meminfo.cached)),
                             amount(meminfo.buffers)));
}

/// Before 4.4 VmallocUsed is address space, that of device memory included; VmallocChunk, which is
/// 0 since, tells. From 4.4 to 5.2 it is 0, because nothing was counted. The kernel's stacks are a
/// part of their own: they are in it where they fit.
Amount vmalloc(const procfs::Meminfo& meminfo) {
  if (meminfo.vmalloc_chunk.value_or(Bytes{}) > Bytes{}) return std::nullopt;
  auto used = amount(meminfo.vmalloc_used);
  if (used == Amount(0)) return std::nullopt;
  const auto stacks = amount(meminfo.kernel_stack);
  if (used && stacks && *used >= *stacks) *used -= *stacks;
  return used;
}

/// What compressed pages of zram take.
Amount zspages(const procfs::Meminfo& meminfo, const KernelFigures& kernel) {
  if (!kernel.zspages) return kernel.zram;
  const auto zswap = amount(meminfo.zswap);
  if (!kernel.zswap_in_zspages || !zswap) return kernel.zspages;
  return at_least_zero(minus(kernel.zspages, zswap));
}

/// Slab is the sum of its two halves, which the kernel reads one after the other. lxcfs prints a
/// Slab of the container beside the halves of the machine.
bool slab_contradicts(const procfs::Meminfo& meminfo) {
  const auto slab = amount(meminfo.slab);
  const auto reclaimable = amount(meminfo.slab_reclaimable);
  const auto unreclaimable = amount(meminfo.slab_unreclaimable);
  if (!slab || !reclaimable || !unreclaimable) return false;
  return *slab < (*reclaimable + *unreclaimable) / 2;
}

/// MemTotal is the sum of what zones manage, or more (a hypervisor may plug memory lazily). It was
/// less under a balloon, before 3.11 on most drivers: MemAvailable is of 3.14.
bool zones_contradict(const procfs::Meminfo& meminfo, const KernelFigures& kernel) {
  const auto total = amount(meminfo.total);
  return total && kernel.managed && meminfo.available && *total < *kernel.managed / 2;
}

/// The LRU lists of a kernel hold what AnonPages, Cached and Buffers count, and more. A sandbox
/// (gVisor) and a container of Virtuozzo print the anonymous lists, shared memory included, as
/// AnonPages, and shared memory in Cached again. Neither has the PageTables that every kernel
/// prints: what a kernel's own lists lack for a moment speaks against nothing.
bool lists_contradict(const procfs::Meminfo& meminfo) {
  if (meminfo.page_tables || !meminfo.active || !meminfo.inactive) return false;
  const auto lists =
      plus(plus(amount(meminfo.active), amount(meminfo.inactive)), amount(meminfo.unevictable));
  const auto counted =
      plus(plus(amount(meminfo.anon_pages), amount(meminfo.cached)), amount(meminfo.buffers));
  return counted && *counted > *lists;
}

/// Counters may overlap a little. Percpu is too large by what was set up at boot, up to all of it.
bool exceeds_total(const procfs::Meminfo& meminfo, const std::vector<Part>& parts) {
  const auto total = amount(meminfo.total);
  const auto rest = parts.back().amount;
  if (!total || !rest) return false;
  return *rest < -(*total / 16 + amount(meminfo.percpu).value_or(0));
}

}  // namespace

Amount amount(const OptionalBytes& bytes) {
  if (!bytes) return std::nullopt;
  return static_cast<std::int64_t>(bytes->value);
}

Amount plus(Amount a, Amount b) {
  add_known(a, b);
  return a;
}

std::vector<Part> parts_of(const procfs::Meminfo& meminfo, const KernelFigures& kernel,
                           const ProcessFigures& processes) {
  const auto cached = split_cached(meminfo, processes);
  const auto slab_reclaimable = amount(meminfo.slab_reclaimable);
  std::vector<Part> parts = {
      {"free", amount(meminfo.free)},
      {"free_percpu_lists", kernel.percpu_free},
      {"pss_anon", processes.anon},
      {"pss_file", processes.file},
      {"pss_shmem", processes.shmem},
      {"anon_unattributed", minus(amount(meminfo.anon_pages), or_zero(processes.anon))},
      {"mapped_unattributed", cached.mapped_unattributed},
      {"anon_unmapped", anon_unmapped(meminfo, kernel)},
      {"page_cache", cached.page_cache},
      {"shmem_unmapped", cached.shmem_unmapped},
      {"buffers", amount(meminfo.buffers)},
      {"bounce", amount(meminfo.bounce)},
      {"writeback_tmp", amount(meminfo.writeback_tmp)},
      {"slab_reclaimable", slab_reclaimable},
      {"slab_unreclaimable", amount(meminfo.slab_unreclaimable)},
      {"kernel_misc_reclaimable",
       at_least_zero(minus(amount(meminfo.kernel_reclaimable), slab_reclaimable))},
      {"kernel_stacks", amount(meminfo.kernel_stack)},
      {"page_tables", plus(amount(meminfo.page_tables), amount(meminfo.secondary_page_tables))},
      {"percpu", amount(meminfo.percpu)},
      {"vmalloc", vmalloc(meminfo)},
      {"memmap", kernel.memmap},
      {"hugetlb", meminfo.hugetlb ? amount(meminfo.hugetlb) : kernel.hugetlb},
      {"zswap", amount(meminfo.zswap)},
      {"zspages", zspages(meminfo, kernel)},
      {"balloon", kernel.balloon_in_total ? amount(meminfo.balloon) : Amount()},
      {"hardware_corrupted", amount(meminfo.hardware_corrupted)},
  };
  auto rest = amount(meminfo.total);
  for (const auto& part : parts) {
    if (part.amount) rest = minus(rest, part.amount);
  }
  parts.push_back({"unaccounted", rest});
  return parts;
}

std::string_view reason_against(const procfs::Meminfo& meminfo, const KernelFigures& kernel,
                                const std::vector<Part>& parts) {
  if (kernel.meminfo_replaced) return "meminfo_replaced";
  if (slab_contradicts(meminfo)) return "slab_contradicts";
  if (zones_contradict(meminfo, kernel)) return "zones_contradict";
  if (lists_contradict(meminfo)) return "lists_contradict";
  if (exceeds_total(meminfo, parts)) return "exceeds_total";
  return {};
}

}  // namespace memory_exporter
