#include <gtest/gtest.h>

#include "collectors/builtin.h"
#include "tests/collectors/fixture_tree.h"
#include "tests/collectors/text_sink.h"

namespace memory_exporter {
namespace {

using process::GroupTotals;
using process::Snapshot;

std::string collected_from(const FixtureTree& tree, const GroupTotals& totals) {
  Snapshot snapshot;
  snapshot.group_by = {process::dimension_named("name")};
  snapshot.groups.push_back({{"app"}, totals});
  return collected(tree.trees(), *make_limits_collector(tree.trees(), CollectorOptions{}),
                   snapshot);
}

TEST(LimitsCollector, WritesTheUsageOfEachLimit) {
  FixtureTree tree;
  tree.write("proc/sys/vm/max_map_count", "65530\n");
  GroupTotals totals;
  totals.limit_usage = {.stack = 0.5, .data = 0.25, .address_space = 1.5, .locked = 0.0};
  totals.mappings = 40000;
  totals.most_mappings = 32765;
  EXPECT_EQ(collected_from(tree, totals),
            "memory_group_limit_usage_ratio{name=\"app\",limit=\"stack\"} 0.5\n"
            "memory_group_limit_usage_ratio{name=\"app\",limit=\"data\"} 0.25\n"
            "memory_group_limit_usage_ratio{name=\"app\",limit=\"as\"} 1.5\n"
            "memory_group_limit_usage_ratio{name=\"app\",limit=\"memlock\"} 0\n"
            "memory_group_limit_usage_ratio{name=\"app\",limit=\"map_count\"} 0.5\n"
            "memory_group_mappings{name=\"app\"} 40000\n");
}

TEST(LimitsCollector, WritesNothingForWhatIsUnlimitedOrUnknown) {
  FixtureTree tree;
  tree.write("proc/sys/vm/max_map_count", "65530\n");
  EXPECT_EQ(collected_from(tree, {}), "");
}

TEST(LimitsCollector, HasNoRatioWithoutTheKernelsLimit) {
  GroupTotals totals;
  totals.mappings = totals.most_mappings = 100;
  EXPECT_EQ(collected_from(FixtureTree(), totals), "memory_group_mappings{name=\"app\"} 100\n");
}

TEST(LimitsCollector, HasTheOtherLimitsWhereTheKernelsIsMalformed) {
  FixtureTree tree;
  tree.write("proc/sys/vm/max_map_count", "many\n");
  GroupTotals totals;
  totals.mappings = totals.most_mappings = 100;
  totals.limit_usage.stack = 0.5;
  EXPECT_EQ(collected_from(tree, totals),
            "memory_group_limit_usage_ratio{name=\"app\",limit=\"stack\"} 0.5\n"
            "memory_group_mappings{name=\"app\"} 100\n"
            "error: max_map_count: malformed: " +
                tree.path("proc/sys/vm/max_map_count") + ":1: expected a single number\n");
}

}  // namespace
}  // namespace memory_exporter
