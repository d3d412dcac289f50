#include <array>

#include "collectors/builtin.h"
#include "collectors/group_writer.h"

namespace memory_exporter {
namespace {

using process::GroupTotals;
using process::MappingTotals;
using process::RegionFigures;

enum Index : std::size_t {
  virtual_size,
  resident,
  pss,
  uss,
  swap,
  mappings,
  deleted_files,
  writable_executable,
  unmeasured,
  age,
  family_count
};

constexpr std::array<Family, family_count> mapping_families = {{
    {"memory_group_region_virtual_bytes", MetricType::gauge,
     "Address space by what it is there for; /proc/PID/smaps, as sampled. The regions but vsyscall "
     "add up to VmSize."},
    {"memory_group_region_resident_bytes", MetricType::gauge,
     "Resident memory by region; /proc/PID/smaps Rss, as sampled. Shared pages count in full in "
     "every process."},
    {"memory_group_region_pss_bytes", MetricType::gauge,
     "Proportional set size by region; /proc/PID/smaps Pss, as sampled. The kernel cuts it to "
     "whole "
     "KiB in each mapping."},
    {"memory_group_region_uss_bytes", MetricType::gauge,
     "Unique set size by region; /proc/PID/smaps Private_Clean plus Private_Dirty, as sampled."},
    {"memory_group_region_swap_bytes", MetricType::gauge,
     "Memory swapped out by region, shared memory included; /proc/PID/smaps Swap, as sampled."},
    {"memory_group_region_mappings", MetricType::gauge,
     "Mappings by region; entries of /proc/PID/smaps, as sampled."},
    {"memory_group_deleted_file_bytes", MetricType::gauge,
     "Address space mapped to files that are gone from disk, as after an upgrade without a "
     "restart; /proc/PID/smaps, as sampled."},
    {"memory_group_writable_executable_bytes", MetricType::gauge,
     "Address space that can be both written and executed; /proc/PID/smaps, as sampled."},
    {"memory_group_region_unmeasured_resident_bytes", MetricType::gauge,
     "Resident memory of the processes that the regions do not cover; /proc/PID/status VmRSS."},
    {"memory_group_region_age_seconds", MetricType::gauge,
     "Age of the oldest sample in the group's regions."},
}};

class MappingsCollector final : public Collector {
 public:
  std::string_view name() const override { return "mappings"; }
  std::span<const Family> families() const override { return mapping_families; }

  void collect(Collection& collection) const override {
    GroupWriter out(mapping_families, collection.processes, collection.sink);
    // Where no process of a group has been read, nothing is known of its mappings.
    const auto of_read = [&](Index index, auto&& write) {
      out.family(index, [&](const GroupTotals& group) {
        if (group.regions.totals) write(*group.regions.totals);
      });
    };
    const auto by_region = [&](Index index, auto RegionFigures::*figure) {
      of_read(index, [&](const MappingTotals& totals) {
        for (const auto region : process::regions) {
          if (totals[region].mappings == 0) continue;
          out.sample("region", process::to_string(region), totals[region].*figure);
        }
      });
    };
    by_region(virtual_size, &RegionFigures::virtual_size);
    by_region(resident, &RegionFigures::resident);
    by_region(pss, &RegionFigures::pss);
    by_region(uss, &RegionFigures::uss);
    by_region(swap, &RegionFigures::swap);
    by_region(mappings, &RegionFigures::mappings);
    of_read(deleted_files,
            [&](const MappingTotals& totals) { out.sample(Value(totals.deleted_files)); });
    of_read(writable_executable,
            [&](const MappingTotals& totals) { out.sample(Value(totals.writable_executable)); });
    out.family(unmeasured,
               [&](const GroupTotals& group) { out.sample(Value(group.regions.unmeasured)); });
    out.family(age, [&](const GroupTotals& group) { out.sample(group.regions.oldest_seconds); });
  }
};

}  // namespace

std::unique_ptr<Collector> make_mappings_collector(const Trees&, const CollectorOptions&) {
  return std::make_unique<MappingsCollector>();
}

}  // namespace memory_exporter
