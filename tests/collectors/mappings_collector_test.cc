#include <gtest/gtest.h>

#include "collectors/builtin.h"
#include "tests/collectors/fixture_tree.h"
#include "tests/collectors/text_sink.h"

namespace memory_exporter {
namespace {

using process::GroupTotals;
using process::MappingTotals;
using process::Region;
using process::RegionFigures;
using process::Snapshot;

std::string collected_from(const GroupTotals& totals) {
  const FixtureTree tree;
  Snapshot snapshot;
  snapshot.group_by = {process::dimension_named("name")};
  snapshot.groups.push_back({{"app"}, totals});
  return collected(tree.trees(), *make_mappings_collector(tree.trees(), CollectorOptions{}),
                   snapshot);
}

TEST(MappingsCollector, WritesTheRegionsThatThereAre) {
  MappingTotals totals;
  totals[Region::heap] = {.mappings = 1,
                          .virtual_size = Bytes{2},
                          .resident = Bytes{3},
                          .pss = Bytes{4},
                          .uss = Bytes{5},
                          .swap = Bytes{6}};
  auto& vvar = totals[Region::vvar];
  vvar.mappings = 7;
  vvar.virtual_size = Bytes{8};
  totals.deleted_files = Bytes{9};
  totals.writable_executable = Bytes{10};
  GroupTotals group;
  group.regions.totals = totals;
  group.regions.unmeasured = Bytes{11};
  group.regions.oldest_seconds = 12.5;
  EXPECT_EQ(collected_from(group),
            "memory_group_region_virtual_bytes{name=\"app\",region=\"heap\"} 2\n"
            "memory_group_region_virtual_bytes{name=\"app\",region=\"vvar\"} 8\n"
            "memory_group_region_resident_bytes{name=\"app\",region=\"heap\"} 3\n"
            "memory_group_region_pss_bytes{name=\"app\",region=\"heap\"} 4\n"
            "memory_group_region_uss_bytes{name=\"app\",region=\"heap\"} 5\n"
            "memory_group_region_swap_bytes{name=\"app\",region=\"heap\"} 6\n"
            "memory_group_region_mappings{name=\"app\",region=\"heap\"} 1\n"
            "memory_group_region_mappings{name=\"app\",region=\"vvar\"} 7\n"
            "memory_group_deleted_file_bytes{name=\"app\"} 9\n"
            "memory_group_writable_executable_bytes{name=\"app\"} 10\n"
            "memory_group_region_unmeasured_resident_bytes{name=\"app\"} 11\n"
            "memory_group_region_age_seconds{name=\"app\"} 12.5\n");
}

TEST(MappingsCollector, SaysWhatItDoesNotKnowOfAGroupThatIsNotReadYet) {
  GroupTotals group;
  group.regions.unmeasured = Bytes{4096};
  EXPECT_EQ(collected_from(group),
            "memory_group_region_unmeasured_resident_bytes{name=\"app\"} 4096\n");
}

}  // namespace
}  // namespace memory_exporter
