#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "collectors/balance_parts.h"
#include "collectors/builtin.h"
#include "collectors/procfs/flat_keyed.h"
#include "collectors/procfs/meminfo.h"
#include "collectors/procfs/plausible.h"
#include "collectors/procfs/zoneinfo.h"
#include "collectors/procfs/zram.h"
#include "collectors/read_file.h"
#include "collectors/single_values.h"
#include "collectors/sysfs_list.h"

namespace memory_exporter {
namespace {

constexpr auto gauge = MetricType::gauge;

constexpr std::array<Family, 3> balance_families = {{
    {"memory_balance_bytes", gauge,
     "RAM by what it is used for, in parts that do not overlap and add up to MemTotal; "
     "/proc/meminfo, /proc/vmstat, /proc/zoneinfo and the sampled PSS of processes. unaccounted is "
     "the rest; it and the parts named unattributed can be negative."},
    {"memory_balance_skew_bytes", gauge,
     "How far AnonPages and Mapped have moved since the processes of this scrape were begun to be "
     "sampled, a bound for the error of the unattributed parts; /proc/meminfo."},
    {"memory_balance_absent", gauge,
     "1 where memory_balance_bytes is left out, because the figures are not of one machine, by "
     "what "
     "tells; /proc/meminfo, /proc/zoneinfo."},
}};

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
  BalanceCollector(const Trees& trees, const CollectorOptions& options)
      : procfs_(trees.procfs), sysfs_(trees.sysfs), page_size_(options.page_size) {}

  std::string_view name() const override { return "balance"; }
  std::span<const Family> families() const override { return balance_families; }

  void collect(Collection& collection) const override {
    // One right after the other: what moves in between is unaccounted for.
    const auto* meminfo = collection.meminfo.get(collection.errors);
    if (meminfo == nullptr) return;
    const auto kernel = read_kernel(*meminfo, collection.errors);

    auto& sink = collection.sink;
    const auto& snapshot = collection.processes;
    const auto parts = parts_of(*meminfo, kernel, figures_of(snapshot));
    if (const auto reason = reason_against(*meminfo, kernel, parts); !reason.empty()) {
      sink.family(balance_families[2]);
      sink.sample({{"reason", reason}}, Value(std::uint64_t{1}));
      return;
    }
    sink.family(balance_families[0]);
    for (const auto& [part, bytes] : parts) {
      if (bytes) sink.sample({{"part", part}}, *bytes);
    }
    sink.family(balance_families[1]);
    if (const auto& before = snapshot.mapped_before) {
      write_skew(sink, "anon", before->anon, meminfo->anon_pages);
      write_skew(sink, "mapped", before->mapped, meminfo->mapped);
    }
  }

 private:
  KernelFigures read_kernel(const procfs::Meminfo& meminfo, ReadErrors& errors) const {
    KernelFigures figures;
    figures.meminfo_replaced = procfs_.is_mounted_over("meminfo");
    const auto page_size = page_size_(procfs_);
    if (!page_size) errors.add("vmstat", page_size.error());
    const auto in_pages = [&](std::optional<std::uint64_t> pages) -> Amount {
      if (!pages || !page_size || !*page_size) return std::nullopt;
      return amount(procfs::plausible_pages(*pages, **page_size));
    };
    procfs::Buffer buffer;
    const auto zones = read_file(procfs_, "zoneinfo", buffer, errors, procfs::parse_zoneinfo);
    if (zones) {
      figures.percpu_free = in_pages(zones->percpu_free);
      figures.managed = in_pages(zones->managed);
    }
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
    // The sums that newer kernels print: Hugetlb (4.16) and nr_zspages (4.8).
    if (!meminfo.hugetlb) figures.hugetlb = amount(hugetlb_pools(meminfo, errors));
    if (!figures.zspages) figures.zram = amount(zram_disks(errors));
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

  /// The pools of all sizes, of which meminfo has the default one. Nothing where one of them is
  /// unknown: without it the sum would be too small.
  OptionalBytes hugetlb_pools(const procfs::Meminfo& meminfo, ReadErrors& errors) const {
    constexpr const char* folder = "kernel/mm/hugepages";
    const auto sizes = list_numbered(sysfs_, folder, "hugepages-", "kB", errors);
    if (sizes.empty()) return pool_of(meminfo.huge_pages_total, meminfo.hugepage_size);
    OptionalBytes sum = Bytes{};
    for (const auto size : sizes) {
      const auto pool = std::string(folder) + "/hugepages-" + std::to_string(size) + "kB";
      const auto pages = read_number(sysfs_, FileName(pool, "nr_hugepages"), errors);
      add_complete(sum, pool_of(pages, procfs::plausible_kib(size)));
      sum = procfs::plausible(sum);
    }
    return sum;
  }

  static OptionalBytes pool_of(std::optional<std::uint64_t> pages, const OptionalBytes& size) {
    if (!pages || !size) return std::nullopt;
    return procfs::plausible_pages(*pages, *size);
  }

  /// What zram's disks take; nothing where one of them is unknown or there is none.
  OptionalBytes zram_disks(ReadErrors& errors) const {
    const auto disks = list_numbered(sysfs_, "block", "zram", "", errors);
    if (disks.empty()) return std::nullopt;
    OptionalBytes sum = Bytes{};
    for (const auto disk : disks) {
      const FileName file("block/zram" + std::to_string(disk), "mm_stat");
      procfs::Buffer buffer;
      const auto memory = read_file(sysfs_, file, buffer, errors, procfs::parse_zram_memory);
      add_complete(sum, memory ? memory->used : OptionalBytes());
      sum = procfs::plausible(sum);
    }
    return sum;
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

  const procfs::Tree& procfs_;
  const procfs::Tree& sysfs_;
  const std::function<Result<OptionalBytes>(const procfs::Tree&)> page_size_;
};

}  // namespace

std::unique_ptr<Collector> make_balance_collector(const Trees& trees,
                                                  const CollectorOptions& options) {
  return std::make_unique<BalanceCollector>(trees, options);
}

}  // namespace memory_exporter
