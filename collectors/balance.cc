#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collectors/builtin.h"
#include "collectors/procfs/flat_keyed.h"
#include "collectors/procfs/meminfo.h"
#include "collectors/procfs/zoneinfo.h"
#include "collectors/read_file.h"
#include "collectors/sysfs_list.h"

namespace memory_exporter {
namespace {

constexpr auto gauge = MetricType::gauge;

constexpr std::array<Family, 2> balance_families = {{
    {"memory_balance_bytes", gauge,
     "RAM by what it is used for, in parts that do not overlap and add up to MemTotal; "
     "/proc/meminfo, /proc/vmstat, /proc/zoneinfo and the sampled PSS of processes. unaccounted is "
     "the rest; it and the parts named unattributed can be negative."},
    {"memory_balance_skew_bytes", gauge,
     "How far AnonPages and Mapped have moved since the processes of this scrape were begun to be "
     "sampled, a bound for the error of the unattributed parts; /proc/meminfo."},
}};

using Amount = std::optional<std::int64_t>;

Amount amount(const OptionalBytes& bytes) {
  if (!bytes) return std::nullopt;
  return static_cast<std::int64_t>(bytes->value);
}

/// a + b of what is known; nothing where neither is.
Amount plus(Amount a, Amount b) {
  add_known(a, b);
  return a;
}

/// a - b where both are known; nothing else.
Amount minus(Amount a, Amount b) {
  if (!a || !b) return std::nullopt;
  return *a - *b;
}

Amount at_least_zero(Amount a) {
  if (a) a = std::max<std::int64_t>(*a, 0);
  return a;
}

/// What the kernel says besides meminfo.
struct KernelFigures {
  Amount percpu_free;  ///< zoneinfo: free pages in per-CPU lists
  Amount isolated;     ///< vmstat: taken off the LRU lists for a moment
  Amount zspages;      ///< vmstat: all of zsmalloc, zram's and zswap's
  Amount memmap;       ///< vmstat: page structures allocated after boot
  bool zswap_in_zspages = true;
  bool balloon_in_total = false;
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

/// The parts of MemTotal; docs/balance.md derives each from the kernel's source.
std::vector<Part> parts_of(const procfs::Meminfo& meminfo, const KernelFigures& kernel,
                           const ProcessFigures& processes) {
  const auto anon = amount(meminfo.anon_pages);
  const auto mapped = amount(meminfo.mapped);
  const auto cached = amount(meminfo.cached);
  const auto buffers = amount(meminfo.buffers);
  const auto shmem = amount(meminfo.shmem);
  const auto slab_reclaimable = amount(meminfo.slab_reclaimable);
  const auto kernel_stacks = amount(meminfo.kernel_stack);
  const auto zswap = amount(meminfo.zswap);
  const auto zero = Amount(0);

  // Mapped does not say what is mapped. What no sample explains is taken from the page cache first
  // and from shared memory where that is used up, so that none of them goes below what it is.
  const auto unattributed = minus(minus(mapped, plus(processes.file, zero)),  //
                                  plus(processes.shmem, zero));
  const auto other_file = minus(minus(cached, shmem), plus(processes.file, zero));
  const auto other_shmem = minus(shmem, plus(processes.shmem, zero));
  Amount page_cache, shmem_unmapped;
  if (unattributed && other_file && other_shmem) {
    const auto from_file = std::min(*unattributed, std::max<std::int64_t>(*other_file, 0));
    page_cache = *other_file - from_file;
    shmem_unmapped = *other_shmem - (*unattributed - from_file);
  }

  // Pages on the LRU lists that neither a process maps nor the page cache holds.
  const auto lru = minus(plus(plus(amount(meminfo.active), amount(meminfo.inactive)),
                              plus(amount(meminfo.unevictable), kernel.isolated)),
                         zero);
  const auto anon_unmapped = at_least_zero(minus(minus(minus(lru, anon), cached), buffers));

  // 0 before kernel 5.3, when it was not counted; less than the stacks where those are not in it.
  auto vmalloc = amount(meminfo.vmalloc_used);
  if (vmalloc == zero) vmalloc.reset();
  if (vmalloc && kernel_stacks && *vmalloc >= *kernel_stacks) *vmalloc -= *kernel_stacks;

  std::vector<Part> parts = {
      {"free", amount(meminfo.free)},
      {"free_percpu_lists", kernel.percpu_free},
      {"pss_anon", processes.anon},
      {"pss_file", processes.file},
      {"pss_shmem", processes.shmem},
      {"anon_unattributed", minus(anon, plus(processes.anon, zero))},
      {"mapped_unattributed", unattributed},
      {"anon_unmapped", anon_unmapped},
      {"page_cache", page_cache},
      {"shmem_unmapped", shmem_unmapped},
      {"buffers", buffers},
      {"slab_reclaimable", slab_reclaimable},
      {"slab_unreclaimable", amount(meminfo.slab_unreclaimable)},
      {"kernel_misc_reclaimable",
       at_least_zero(minus(amount(meminfo.kernel_reclaimable), slab_reclaimable))},
      {"kernel_stacks", kernel_stacks},
      {"page_tables", plus(amount(meminfo.page_tables), amount(meminfo.secondary_page_tables))},
      {"percpu", amount(meminfo.percpu)},
      {"vmalloc", vmalloc},
      {"memmap", kernel.memmap},
      {"hugetlb", amount(meminfo.hugetlb)},
      {"zswap", zswap},
      {"zspages", kernel.zswap_in_zspages && zswap ? at_least_zero(minus(kernel.zspages, zswap))
                                                   : kernel.zspages},
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

ProcessFigures figures_of(const process::Snapshot& snapshot) {
  OptionalBytes anon, file, shmem;
  for (const auto& group : snapshot.groups) {
    add_known(anon, group.totals.memory.pss_anon);
    add_known(file, group.totals.memory.pss_file);
    add_known(shmem, group.totals.memory.pss_shmem);
  }
  return {amount(anon), amount(file), amount(shmem)};
}

class BalanceCollector final : public Collector {
 public:
  BalanceCollector(const Trees& trees, Bytes page_size)
      : procfs_(trees.procfs), sysfs_(trees.sysfs), page_size_(page_size) {}

  std::string_view name() const override { return "balance"; }
  std::span<const Family> families() const override { return balance_families; }

  void collect(Collection& collection) const override {
    // One right after the other: what moves in between is unaccounted for.
    const auto* meminfo = collection.meminfo.get(collection.errors);
    if (meminfo == nullptr) return;
    const auto kernel = read_kernel(collection.errors);

    auto& sink = collection.sink;
    const auto& snapshot = collection.processes;
    sink.family(balance_families[0]);
    for (const auto& [part, bytes] : parts_of(*meminfo, kernel, figures_of(snapshot))) {
      if (bytes) sink.sample({{"part", part}}, *bytes);
    }
    sink.family(balance_families[1]);
    if (const auto& before = snapshot.mapped_before) {
      write_skew(sink, "anon", before->anon, meminfo->anon_pages);
      write_skew(sink, "mapped", before->mapped, meminfo->mapped);
    }
  }

 private:
  KernelFigures read_kernel(ReadErrors& errors) const {
    KernelFigures figures;
    procfs::Buffer buffer;
    const auto free =
        read_file(procfs_, "zoneinfo", buffer, errors, procfs::parse_percpu_free_pages);
    if (free) figures.percpu_free = in_pages(*free);
    const auto vmstat = read_file(procfs_, "vmstat", buffer, errors, parse_counters);
    if (vmstat) {
      figures.zspages = in_pages(vmstat->zspages);
      figures.memmap = in_pages(vmstat->memmap);
      figures.isolated = plus(in_pages(vmstat->isolated_anon), in_pages(vmstat->isolated_file));
    }
    const auto zpool =
        read_file(sysfs_, "module/zswap/parameters/zpool", buffer, errors, is_zsmalloc);
    figures.zswap_in_zspages = zpool.value_or(true);  // since 6.18 there is no other
    figures.balloon_in_total = balloon_in_total(errors);
    return figures;
  }

  /// Fields of /proc/vmstat, in pages.
  struct Counters {
    std::optional<std::uint64_t> zspages, memmap, isolated_anon, isolated_file;
  };

  static procfs::Parsed<Counters> parse_counters(std::string_view text) {
    Counters counters;
    const struct {
      std::string_view field;
      std::optional<std::uint64_t>& counter;
    } wanted[] = {{"nr_zspages", counters.zspages},
                  {"nr_memmap_pages", counters.memmap},
                  {"nr_isolated_anon", counters.isolated_anon},
                  {"nr_isolated_file", counters.isolated_file}};
    const auto skipped = procfs::for_each_flat_keyed(
        text, [&](std::string_view field, std::optional<std::uint64_t> value) {
          for (const auto& [name, counter] : wanted) {
            if (name != field) continue;
            if (!counter) counter = value;
            return true;
          }
          return false;
        });
    return {counters, skipped};
  }

  static Result<bool> is_zsmalloc(std::string_view text) { return text == "zsmalloc\n"; }

  /// A balloon takes its pages out of MemTotal, except virtio's where it may give them back to
  /// escape the OOM killer (feature bit 2, VIRTIO_BALLOON_F_DEFLATE_ON_OOM).
  bool balloon_in_total(ReadErrors& errors) const {
    constexpr const char* driver = "bus/virtio/drivers/virtio_balloon";
    constexpr std::size_t deflate_on_oom = 2;
    for (const auto device : list_numbered(sysfs_, driver, "virtio", "", errors)) {
      const auto path = std::string(driver) + "/virtio" + std::to_string(device);
      procfs::Buffer buffer;
      const auto has_bit = [&](std::string_view bits) {
        return Result<bool>(bits.size() > deflate_on_oom && bits[deflate_on_oom] == '1');
      };
      const auto offered = read_file(sysfs_, FileName(path, "features"), buffer, errors, has_bit);
      if (offered.value_or(false)) return true;
    }
    return false;
  }

  static void write_skew(MetricSink& sink, std::string_view kind, Bytes before,
                         const OptionalBytes& after) {
    if (!after) return;
    const auto skew = before > *after ? before.value - after->value : after->value - before.value;
    sink.sample({{"kind", kind}}, Bytes{skew});
  }

  Amount in_pages(std::optional<std::uint64_t> pages) const {
    if (!pages) return std::nullopt;
    return static_cast<std::int64_t>(*pages * page_size_.value);
  }

  const procfs::Tree& procfs_;
  const procfs::Tree& sysfs_;
  Bytes page_size_;
};

}  // namespace

std::unique_ptr<Collector> make_balance_collector(const Trees& trees,
                                                  const CollectorOptions& options) {
  return std::make_unique<BalanceCollector>(trees, options.page_size);
}

}  // namespace memory_exporter
