#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/builtin.h"
#include "tests/collectors/fixture_tree.h"
#include "tests/collectors/text_sink.h"

namespace memory_exporter {
namespace {

std::string collected_from(const FixtureTree& tree) {
  return collected(tree.trees(), *make_ksm_collector(tree.trees(), CollectorOptions{}));
}

TEST(KsmCollector, WritesFiguresSettingsAndStates) {
  FixtureTree tree;
  tree.write("sys/kernel/mm/ksm/pages_shared", "8\n")
      .write("sys/kernel/mm/ksm/pages_sharing", "2040\n")
      .write("sys/kernel/mm/ksm/full_scans", "456\n")
      .write("sys/kernel/mm/ksm/sleep_millisecs", "20\n")
      .write("sys/kernel/mm/ksm/general_profit", "8224768\n")
      .write("sys/kernel/mm/ksm/run", "1\n")
      .write("sys/kernel/mm/ksm/advisor_mode", "none [scan-time]\n");
  EXPECT_EQ(collected_from(tree),
            "memory_ksm_pages_shared 8\n"
            "memory_ksm_pages_sharing 2040\n"
            "memory_ksm_full_scans_total 456\n"
            "memory_ksm_sleep_seconds 0.02\n"
            "memory_ksm_general_profit_bytes 8224768\n"
            "memory_ksm_run{state=\"stopped\"} 0\n"
            "memory_ksm_run{state=\"running\"} 1\n"
            "memory_ksm_run{state=\"unmerging\"} 0\n"
            "memory_ksm_advisor{mode=\"none\"} 0\n"
            "memory_ksm_advisor{mode=\"scan-time\"} 1\n");
}

TEST(KsmCollector, ShowsALossAsANegativeProfit) {
  FixtureTree tree;
  tree.write("sys/kernel/mm/ksm/general_profit", "-4096\n");
  EXPECT_EQ(collected_from(tree), "memory_ksm_general_profit_bytes -4096\n");
}

TEST(KsmCollector, LeavesOutMorePagesThanAMachineCanHold) {
  FixtureTree tree;
  tree.write("sys/kernel/mm/ksm/pages_sharing", "18446744073709551615\n")
      .write("sys/kernel/mm/ksm/pages_shared", "17592186044416\n");
  EXPECT_EQ(collected(tree.trees(), *make_ksm_collector(tree.trees(), CollectorOptions{})),
            "memory_ksm_pages_shared 17592186044416\n");
}

TEST(KsmCollector, WritesNothingWithoutKsm) {
  EXPECT_EQ(collected_from(FixtureTree()), "");
}

TEST(KsmCollector, LeavesOutWhatIsMalformed) {
  const std::pair<const char*, const char*> cases[] = {
      {"pages_shared", "-1\n"}, {"full_scans", "12"},         {"run", "3\n"},
      {"run", "-1\n"},          {"general_profit", "none\n"}, {"advisor_mode", "none scan-time\n"}};
  for (const auto& [name, text] : cases) {
    FixtureTree tree;
    const auto path = std::string("sys/kernel/mm/ksm/") + name;
    tree.write("sys/kernel/mm/ksm/pages_sharing", "1\n").write(path, text);
    EXPECT_THAT(collected_from(tree),
                testing::StartsWith("memory_ksm_pages_sharing 1\nerror: " + std::string(name) +
                                    ": malformed: " + tree.path(path) + ":"));
  }
}

TEST(KsmCollector, KnowsTheStateWhileMemoryGoesOffline) {
  FixtureTree tree;
  tree.write("sys/kernel/mm/ksm/run", "5\n");
  EXPECT_EQ(collected_from(tree),
            "memory_ksm_run{state=\"stopped\"} 0\n"
            "memory_ksm_run{state=\"running\"} 1\n"
            "memory_ksm_run{state=\"unmerging\"} 0\n");
}

TEST(KsmCollector, LeavesOutWhatIsDenied) {
  FixtureTree tree;
  tree.write("sys/kernel/mm/ksm/run", "1\n").forbid("sys/kernel/mm/ksm/run");
  const Unprivileged unprivileged;
  EXPECT_EQ(collected_from(tree),
            "error: run: denied: " + tree.path("sys/kernel/mm/ksm/run") + ": Permission denied\n");
}

}  // namespace
}  // namespace memory_exporter
