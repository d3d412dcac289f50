#include <array>

#include "collectors/builtin.h"
#include "collectors/procfs/selection.h"
#include "collectors/procfs/single_value.h"
#include "collectors/read_file.h"
#include "collectors/single_values.h"
#include "collectors/states.h"

namespace memory_exporter {
namespace {

constexpr auto gauge = MetricType::gauge;
constexpr auto counter = MetricType::counter;

constexpr SingleValue values[] = {
    {{"memory_ksm_pages_shared", gauge,
      "Merged pages in use, each kept once; /sys/kernel/mm/ksm/pages_shared."},
     "kernel/mm/ksm/pages_shared",
     page_count},
    {{"memory_ksm_pages_sharing", gauge,
      "Further places that map merged pages, which is what merging saves; "
      "/sys/kernel/mm/ksm/pages_sharing."},
     "kernel/mm/ksm/pages_sharing",
     page_count},
    {{"memory_ksm_pages_unshared", gauge,
      "Pages checked again and again that have no equal; /sys/kernel/mm/ksm/pages_unshared."},
     "kernel/mm/ksm/pages_unshared",
     page_count},
    {{"memory_ksm_pages_volatile", gauge,
      "Pages that change too fast to be merged; /sys/kernel/mm/ksm/pages_volatile."},
     "kernel/mm/ksm/pages_volatile",
     page_count},
    {{"memory_ksm_zero_pages", gauge,
      "Mappings of the zero page that KSM made; /sys/kernel/mm/ksm/ksm_zero_pages."},
     "kernel/mm/ksm/ksm_zero_pages",
     page_count},
    {{"memory_ksm_pages_scanned_total", counter,
      "Pages that KSM has scanned; /sys/kernel/mm/ksm/pages_scanned."},
     "kernel/mm/ksm/pages_scanned",
     plain_number},
    {{"memory_ksm_pages_skipped_total", counter,
      "Pages that the smart scan passed over; /sys/kernel/mm/ksm/pages_skipped."},
     "kernel/mm/ksm/pages_skipped",
     plain_number},
    {{"memory_ksm_full_scans_total", counter,
      "Times that all mergeable memory was scanned; /sys/kernel/mm/ksm/full_scans."},
     "kernel/mm/ksm/full_scans",
     plain_number},
    {{"memory_ksm_stable_node_chains", gauge,
      "Pages with more copies than max_page_sharing allows of one; "
      "/sys/kernel/mm/ksm/stable_node_chains."},
     "kernel/mm/ksm/stable_node_chains",
     page_count},
    {{"memory_ksm_stable_node_dups", gauge,
      "The copies of such pages; /sys/kernel/mm/ksm/stable_node_dups."},
     "kernel/mm/ksm/stable_node_dups",
     page_count},
    {{"memory_ksm_pages_to_scan", gauge,
      "Setting: pages to scan before sleeping; /sys/kernel/mm/ksm/pages_to_scan."},
     "kernel/mm/ksm/pages_to_scan",
     plain_number},
    {{"memory_ksm_sleep_seconds", gauge,
      "Setting: sleep between scans; /sys/kernel/mm/ksm/sleep_millisecs."},
     "kernel/mm/ksm/sleep_millisecs",
     seconds_from_milliseconds},
    {{"memory_ksm_max_page_sharing", gauge,
      "Setting: most mappings of one merged page; /sys/kernel/mm/ksm/max_page_sharing."},
     "kernel/mm/ksm/max_page_sharing",
     plain_number},
    {{"memory_ksm_merge_across_nodes", gauge,
      "Setting: 1 where pages of different NUMA nodes may be merged; "
      "/sys/kernel/mm/ksm/merge_across_nodes."},
     "kernel/mm/ksm/merge_across_nodes",
     plain_number},
    {{"memory_ksm_use_zero_pages", gauge,
      "Setting: 1 where empty pages become the zero page; /sys/kernel/mm/ksm/use_zero_pages."},
     "kernel/mm/ksm/use_zero_pages",
     plain_number},
    {{"memory_ksm_smart_scan", gauge,
      "Setting: 1 where pages that did not merge are scanned less often; "
      "/sys/kernel/mm/ksm/smart_scan."},
     "kernel/mm/ksm/smart_scan",
     plain_number},
};

constexpr Family profit_family = {
    "memory_ksm_general_profit_bytes", gauge,
    "Memory saved by merging less KSM's own bookkeeping, negative where it does not pay; "
    "/sys/kernel/mm/ksm/general_profit."};
constexpr Family run_family = {
    "memory_ksm_run", gauge,
    "1 for the state that KSM is in, 0 for the others; /sys/kernel/mm/ksm/run."};
constexpr Family advisor_family = {
    "memory_ksm_advisor", gauge,
    "1 for what sets pages_to_scan, 0 for the others; /sys/kernel/mm/ksm/advisor_mode."};

constexpr std::array<std::string_view, 3> run_states = {"stopped", "running", "unmerging"};

/// 4 is added while memory goes offline (mm/ksm.c, KSM_RUN_OFFLINE).
std::optional<std::size_t> run_state(std::int64_t number) {
  constexpr std::int64_t offline = 4;
  const auto state = number & ~offline;
  if (state < 0 || state >= std::ssize(run_states)) return std::nullopt;
  return static_cast<std::size_t>(state);
}

constexpr auto ksm_families =
    join_families(families_of(values), std::array{profit_family, run_family, advisor_family});

class KsmCollector final : public Collector {
 public:
  explicit KsmCollector(const procfs::Tree& sysfs) : sysfs_(sysfs) {}

  std::string_view name() const override { return "ksm"; }
  std::span<const Family> families() const override { return ksm_families; }

  void collect(Collection& collection) const override {
    auto& sink = collection.sink;
    auto& errors = collection.errors;
    SingleValues::read(sysfs_, values, errors).write(sink);
    procfs::Buffer buffer;
    sink.family(profit_family);
    const auto profit = read_file(sysfs_, "kernel/mm/ksm/general_profit", buffer, errors,
                                  procfs::parse_signed_value);
    if (profit) sink.sample(*profit);
    sink.family(run_family);
    const auto run = read_state(sysfs_, "kernel/mm/ksm/run", errors, run_state);
    if (run) write_states(sink, "state", run_states, *run);
    sink.family(advisor_family);
    const auto advisor =
        read_file(sysfs_, "kernel/mm/ksm/advisor_mode", buffer, errors, procfs::parse_selection);
    if (advisor) write_states(sink, "mode", advisor->choices, advisor->chosen);
  }

 private:
  const procfs::Tree& sysfs_;
};

}  // namespace

std::unique_ptr<Collector> make_ksm_collector(const Trees& trees, const CollectorOptions&) {
  return std::make_unique<KsmCollector>(trees.sysfs);
}

}  // namespace memory_exporter
