#include <array>

#include "collectors/builtin.h"
#include "collectors/group_writer.h"
#include "collectors/single_values.h"

namespace memory_exporter {
namespace {

using process::GroupTotals;

enum Index : std::size_t { usage_ratio, mappings, family_count };

constexpr std::array<Family, family_count> limit_families = {{
    {"memory_group_limit_usage_ratio", MetricType::gauge,
     "How near the worst process of the group is to a limit; /proc/PID/status VmStk, VmData, "
     "VmSize, VmLck over the soft limits of /proc/PID/limits, and lines of /proc/PID/maps over "
     "vm.max_map_count. Absent where there is no limit."},
    {"memory_group_mappings", MetricType::gauge,
     "Mappings of the group's processes; lines of /proc/PID/maps, as last read."},
}};

class LimitsCollector final : public Collector {
 public:
  explicit LimitsCollector(const procfs::Tree& procfs) : procfs_(procfs) {}

  std::string_view name() const override { return "limits"; }
  std::span<const Family> families() const override { return limit_families; }

  void collect(Collection& collection) const override {
    const auto most = read_number(procfs_, "sys/vm/max_map_count", collection.errors);
    GroupWriter out(limit_families, collection.processes, collection.sink);
    out.family(usage_ratio, [&](const GroupTotals& group) {
      const auto& usage = group.limit_usage;
      out.sample("limit", "stack", usage.stack);
      out.sample("limit", "data", usage.data);
      out.sample("limit", "as", usage.address_space);
      out.sample("limit", "memlock", usage.locked);
      if (group.most_mappings && most.value_or(0) > 0) {
        out.sample("limit", "map_count",
                   static_cast<double>(*group.most_mappings) / static_cast<double>(*most));
      }
    });
    out.family(mappings, [&](const GroupTotals& group) { out.sample(group.mappings); });
  }

 private:
  const procfs::Tree& procfs_;
};

}  // namespace

std::unique_ptr<Collector> make_limits_collector(const Trees& trees, const CollectorOptions&) {
  return std::make_unique<LimitsCollector>(trees.procfs);
}

}  // namespace memory_exporter
