#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "collectors/builtin.h"
#include "collectors/procfs/flat_keyed.h"
#include "collectors/procfs/plausible.h"
#include "collectors/read_file.h"
#include "collectors/vmstat_history.h"

namespace memory_exporter {
namespace {

constexpr Family counter(std::string_view name, std::string_view help) {
  return {name, MetricType::counter, help};
}

/// The kernel's field is the name without its prefix and suffix. Sorted by it (the kernel's order
/// changes from version to version), so that a line is looked up in six comparisons.
constexpr Family named_families[] = {
    counter("memory_vmstat_allocstall_total",
            "Direct reclaims, for allocations from all zones; /proc/vmstat allocstall, since "
            "kernel 4.8 the sum of allocstall_*."),
    counter("memory_vmstat_allocstall_device_total",
            "Direct reclaims for an allocation from the device zone; "
            "/proc/vmstat allocstall_device."),
    counter("memory_vmstat_allocstall_dma_total",
            "Direct reclaims for an allocation from the DMA zone; /proc/vmstat allocstall_dma."),
    counter("memory_vmstat_allocstall_dma32_total",
            "Direct reclaims for an allocation from the DMA32 zone; "
            "/proc/vmstat allocstall_dma32."),
    counter("memory_vmstat_allocstall_high_total",
            "Direct reclaims for an allocation from the HighMem zone; "
            "/proc/vmstat allocstall_high."),
    counter("memory_vmstat_allocstall_movable_total",
            "Direct reclaims for an allocation from the Movable zone; "
            "/proc/vmstat allocstall_movable."),
    counter("memory_vmstat_allocstall_normal_total",
            "Direct reclaims for an allocation from the Normal zone; "
            "/proc/vmstat allocstall_normal."),
    counter("memory_vmstat_oom_kill_total",
            "Processes killed by the OOM killer, by those of memory cgroups too; "
            "/proc/vmstat oom_kill."),
    counter("memory_vmstat_pgfault_total",
            "Page faults, major ones included; /proc/vmstat pgfault."),
    counter("memory_vmstat_pgmajfault_total",
            "Page faults that waited for a disk; /proc/vmstat pgmajfault."),
    counter("memory_vmstat_pgscan_anon_total",
            "Anonymous pages that reclaim looked at; /proc/vmstat pgscan_anon."),
    counter("memory_vmstat_pgscan_direct_total",
            "Pages that direct reclaim looked at; /proc/vmstat pgscan_direct."),
    counter("memory_vmstat_pgscan_direct_throttle_total",
            "Times direct reclaim was throttled because kswapd lagged behind; "
            "/proc/vmstat pgscan_direct_throttle."),
    counter("memory_vmstat_pgscan_file_total",
            "Page cache pages that reclaim looked at; /proc/vmstat pgscan_file."),
    counter("memory_vmstat_pgscan_khugepaged_total",
            "Pages that reclaim by khugepaged looked at; /proc/vmstat pgscan_khugepaged."),
    counter("memory_vmstat_pgscan_kswapd_total",
            "Pages that kswapd looked at; /proc/vmstat pgscan_kswapd."),
    counter("memory_vmstat_pgscan_proactive_total",
            "Pages that reclaim asked for through memory.reclaim looked at; "
            "/proc/vmstat pgscan_proactive."),
    counter("memory_vmstat_pgsteal_anon_total",
            "Anonymous pages reclaimed; /proc/vmstat pgsteal_anon."),
    counter("memory_vmstat_pgsteal_direct_total",
            "Pages reclaimed by direct reclaim; /proc/vmstat pgsteal_direct."),
    counter("memory_vmstat_pgsteal_file_total",
            "Page cache pages reclaimed; /proc/vmstat pgsteal_file."),
    counter("memory_vmstat_pgsteal_khugepaged_total",
            "Pages reclaimed by khugepaged; /proc/vmstat pgsteal_khugepaged."),
    counter("memory_vmstat_pgsteal_kswapd_total",
            "Pages reclaimed by kswapd; /proc/vmstat pgsteal_kswapd."),
    counter("memory_vmstat_pgsteal_proactive_total",
            "Pages reclaimed on request through memory.reclaim; /proc/vmstat pgsteal_proactive."),
    counter("memory_vmstat_pswpin_total", "Pages read from swap devices; /proc/vmstat pswpin."),
    counter("memory_vmstat_pswpout_total", "Pages written to swap devices; /proc/vmstat pswpout."),
    counter("memory_vmstat_swap_ra_total", "Pages read ahead from swap; /proc/vmstat swap_ra."),
    counter("memory_vmstat_swap_ra_hit_total",
            "Pages read ahead from swap that were then used; /proc/vmstat swap_ra_hit."),
    counter("memory_vmstat_swpin_zero_total",
            "Zero-filled pages swapped in without reading; /proc/vmstat swpin_zero."),
    counter("memory_vmstat_swpout_zero_total",
            "Zero-filled pages swapped out without writing; /proc/vmstat swpout_zero."),
    counter("memory_vmstat_thp_collapse_alloc_total",
            "Huge pages that khugepaged allocated for a collapse; "
            "/proc/vmstat thp_collapse_alloc."),
    counter("memory_vmstat_thp_collapse_alloc_failed_total",
            "Huge pages that khugepaged failed to allocate for a collapse; "
            "/proc/vmstat thp_collapse_alloc_failed."),
    counter("memory_vmstat_thp_deferred_split_page_total",
            "Huge pages queued to be split, because a part is unmapped; "
            "/proc/vmstat thp_deferred_split_page."),
    counter("memory_vmstat_thp_fault_alloc_total",
            "Huge pages allocated by a page fault; /proc/vmstat thp_fault_alloc."),
    counter("memory_vmstat_thp_fault_fallback_total",
            "Page faults that fell back from a huge page to small ones; "
            "/proc/vmstat thp_fault_fallback."),
    counter("memory_vmstat_thp_fault_fallback_charge_total",
            "Page faults that fell back because the cgroup could not be charged; "
            "/proc/vmstat thp_fault_fallback_charge."),
    counter("memory_vmstat_thp_file_alloc_total",
            "Huge pages allocated for shmem or files; /proc/vmstat thp_file_alloc."),
    counter("memory_vmstat_thp_file_fallback_total",
            "Allocations for shmem or files that fell back to small pages; "
            "/proc/vmstat thp_file_fallback."),
    counter(
        "memory_vmstat_thp_file_fallback_charge_total",
        "Allocations for shmem or files that fell back because the cgroup could not be charged; "
        "/proc/vmstat thp_file_fallback_charge."),
    counter("memory_vmstat_thp_file_mapped_total",
            "Huge pages of shmem or files mapped as such; /proc/vmstat thp_file_mapped."),
    counter("memory_vmstat_thp_migration_fail_total",
            "Huge pages that could not be migrated; /proc/vmstat thp_migration_fail."),
    counter("memory_vmstat_thp_migration_split_total",
            "Huge pages split to be migrated; /proc/vmstat thp_migration_split."),
    counter("memory_vmstat_thp_migration_success_total",
            "Huge pages migrated whole; /proc/vmstat thp_migration_success."),
    counter("memory_vmstat_thp_scan_exceed_none_pte_total",
            "Collapses given up for too many empty entries; "
            "/proc/vmstat thp_scan_exceed_none_pte."),
    counter("memory_vmstat_thp_scan_exceed_share_pte_total",
            "Collapses given up for too many shared pages; "
            "/proc/vmstat thp_scan_exceed_share_pte."),
    counter("memory_vmstat_thp_scan_exceed_swap_pte_total",
            "Collapses given up for too many swapped pages; "
            "/proc/vmstat thp_scan_exceed_swap_pte."),
    counter("memory_vmstat_thp_split_page_total",
            "Huge pages split into small pages; /proc/vmstat thp_split_page."),
    counter("memory_vmstat_thp_split_page_failed_total",
            "Huge pages that could not be split; /proc/vmstat thp_split_page_failed."),
    counter("memory_vmstat_thp_split_pmd_total",
            "Huge mappings split, the page staying whole; /proc/vmstat thp_split_pmd."),
    counter("memory_vmstat_thp_split_pud_total",
            "1 GiB mappings split; /proc/vmstat thp_split_pud."),
    counter("memory_vmstat_thp_swpout_total",
            "Huge pages swapped out whole; /proc/vmstat thp_swpout."),
    counter("memory_vmstat_thp_swpout_fallback_total",
            "Huge pages split to be swapped out; /proc/vmstat thp_swpout_fallback."),
    counter("memory_vmstat_thp_underused_split_page_total",
            "Huge pages split because they were mostly zero; "
            "/proc/vmstat thp_underused_split_page."),
    counter("memory_vmstat_thp_zero_page_alloc_total",
            "Allocations of the huge zero page; /proc/vmstat thp_zero_page_alloc."),
    counter("memory_vmstat_thp_zero_page_alloc_failed_total",
            "Failed allocations of the huge zero page; /proc/vmstat thp_zero_page_alloc_failed."),
    counter("memory_vmstat_workingset_activate_total",
            "Refaulted pages put on the active list; /proc/vmstat workingset_activate."),
    counter("memory_vmstat_workingset_activate_anon_total",
            "Refaulted anonymous pages put on the active list; "
            "/proc/vmstat workingset_activate_anon."),
    counter("memory_vmstat_workingset_activate_file_total",
            "Refaulted page cache put on the active list; /proc/vmstat workingset_activate_file."),
    counter("memory_vmstat_workingset_nodereclaim_total",
            "Shadow nodes reclaimed; /proc/vmstat workingset_nodereclaim."),
    {"memory_vmstat_workingset_nodes", MetricType::gauge,
     "Page cache tree nodes that hold shadow entries; /proc/vmstat workingset_nodes."},
    counter("memory_vmstat_workingset_refault_total",
            "Evicted pages that were needed again; /proc/vmstat workingset_refault."),
    counter("memory_vmstat_workingset_refault_anon_total",
            "Evicted anonymous pages that were needed again; "
            "/proc/vmstat workingset_refault_anon."),
    counter("memory_vmstat_workingset_refault_file_total",
            "Evicted page cache that was needed again; /proc/vmstat workingset_refault_file."),
    counter("memory_vmstat_workingset_restore_total",
            "Refaulted pages that had been active before; /proc/vmstat workingset_restore."),
    counter("memory_vmstat_workingset_restore_anon_total",
            "Refaulted anonymous pages that had been active before; "
            "/proc/vmstat workingset_restore_anon."),
    counter("memory_vmstat_workingset_restore_file_total",
            "Refaulted page cache that had been active before; "
            "/proc/vmstat workingset_restore_file."),
    counter("memory_vmstat_zswpin_total", "Pages read back from zswap; /proc/vmstat zswpin."),
    counter("memory_vmstat_zswpout_total", "Pages compressed into zswap; /proc/vmstat zswpout."),
    counter("memory_vmstat_zswpwb_total",
            "Pages that zswap wrote on to its swap device; /proc/vmstat zswpwb."),
};

/// Fields without a name of their own, where --collector.vmstat.fields asks for them.
constexpr Family other_counters =
    counter("memory_vmstat_other_total",
            "Event counters of /proc/vmstat that are reported on request, by the kernel's field.");
constexpr Family other_gauges = {"memory_vmstat_other", MetricType::gauge,
                                 "Figures of /proc/vmstat that rise and fall and are reported on "
                                 "request, by the kernel's field; "
                                 "in the kernel's unit, mostly pages."};

constexpr std::string_view field_of(const Family& family) {
  auto field = family.name.substr(std::string_view("memory_vmstat_").size());
  if (family.type == MetricType::counter) {
    field.remove_suffix(std::string_view("_total").size());
  }
  return field;
}

constexpr bool by_field(const Family& a, const Family& b) {
  return field_of(a) < field_of(b);
}
static_assert(std::is_sorted(std::begin(named_families), std::end(named_families), by_field));

constexpr auto field_count = std::size(named_families);

std::optional<std::size_t> index_of(std::string_view field) {
  const auto* const found = std::lower_bound(
      std::begin(named_families), std::end(named_families), field,
      [](const Family& family, std::string_view wanted) { return field_of(family) < wanted; });
  if (found == std::end(named_families) || field_of(*found) != field) return std::nullopt;
  return static_cast<std::size_t>(found - std::begin(named_families));
}

constexpr auto vmstat_families = [] {
  std::array<Family, field_count + 2> all{};
  std::copy(std::begin(named_families), std::end(named_families), all.begin());
  all[field_count] = other_counters;
  all[field_count + 1] = other_gauges;
  return all;
}();

/// Whether a field without a name of its own rises and falls. The kernel's naming tells: nr_* are
/// amounts, but for a few that only ever rise.
bool is_gauge(std::string_view field) {
  constexpr std::array<std::string_view, 7> rising = {"nr_dirtied",
                                                      "nr_written",
                                                      "nr_throttled_written",
                                                      "nr_vmscan_write",
                                                      "nr_vmscan_immediate_reclaim",
                                                      "nr_foll_pin_acquired",
                                                      "nr_foll_pin_released"};
  if (!field.starts_with("nr_") || field.starts_with("nr_tlb_")) return false;
  return std::find(rising.begin(), rising.end(), field) == rising.end();
}

struct OtherField {
  std::string_view field;
  std::uint64_t value;
};

struct Values {
  std::array<std::optional<std::uint64_t>, field_count> named;
  std::vector<OtherField> others;
};

class VmstatCollector final : public Collector {
 public:
  VmstatCollector(const procfs::Tree& procfs, std::optional<Pattern> fields)
      : procfs_(procfs), fields_(std::move(fields)) {}

  std::string_view name() const override { return "vmstat"; }
  std::span<const Family> families() const override { return vmstat_families; }

  void collect(Collection& collection) const override {
    procfs::Buffer buffer;
    const auto values = read_file(procfs_, "vmstat", buffer, collection.errors,
                                  [this](std::string_view text) { return parse(text); });
    if (!values) return;
    auto& sink = collection.sink;
    for (std::size_t i = 0; i < field_count; ++i) {
      sink.family(named_families[i]);
      if (const auto& value = values->named[i]) sink.sample(*value);
    }
    write_others(sink, other_counters, values->others, false);
    write_others(sink, other_gauges, values->others, true);
  }

 private:
  procfs::Parsed<Values> parse(std::string_view text) const {
    Values values;
    vmstat::ZoneSums sums;
    const auto skipped = procfs::for_each_flat_keyed(
        text, [&](std::string_view field, std::optional<std::uint64_t> value) {
          const bool of_zone = sums.add(field, value);
          if (const auto index = index_of(vmstat::present_name(field))) {
            auto& named = values.named[*index];
            const bool gauge = named_families[*index].type == MetricType::gauge;
            if (!named) named = gauge ? procfs::plausible_count(value) : value;
            return true;
          }
          if (!fields_ || !fields_->matches(field)) return of_zone;
          // Without SMP the kernel prints a sum below 0 as it is, that is, near 2^64.
          if (is_gauge(field)) value = procfs::plausible_count(value);
          if (value) add_other(values.others, {field, *value});
          return true;
        });
    // Of a text that was cut short, zones may be missing.
    if (!ends_within_line(text)) add_sums(values, sums);
    return {std::move(values), skipped};
  }

  /// What the kernel adds up itself stays.
  static void add_sums(Values& values, const vmstat::ZoneSums& sums) {
    sums.for_each([&](std::string_view event, std::uint64_t sum) {
      auto& named = values.named[*index_of(event)];
      if (!named) named = sum;
    });
  }

  /// A field printed twice keeps its first value.
  static void add_other(std::vector<OtherField>& others, OtherField other) {
    const bool known = std::any_of(others.begin(), others.end(), [&](const OtherField& present) {
      return present.field == other.field;
    });
    if (!known) others.push_back(other);
  }

  static void write_others(MetricSink& sink, const Family& family,
                           const std::vector<OtherField>& others, bool gauges) {
    sink.family(family);
    for (const auto& [field, value] : others) {
      if (is_gauge(field) == gauges) sink.sample({{"field", field}}, value);
    }
  }

  const procfs::Tree& procfs_;
  std::optional<Pattern> fields_;
};

}  // namespace

std::unique_ptr<Collector> make_vmstat_collector(const Trees& trees,
                                                 const CollectorOptions& options) {
  return std::make_unique<VmstatCollector>(trees.procfs, options.vmstat_fields);
}

}  // namespace memory_exporter
