#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/base/text.h"
#include "collectors/builtin.h"
#include "tests/collectors/fixture_tree.h"
#include "tests/collectors/text_sink.h"
#include "tests/procfs/vmstat_captures.h"

namespace memory_exporter {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string collected_from(const FixtureTree& tree) {
  return collected(tree.trees(), *make_vmstat_collector(tree.trees(), CollectorOptions{}));
}

TEST(VmstatCollector, WritesTheEventsOfKernel414) {
  FixtureTree tree;
  tree.write("proc/vmstat", testdata::vmstat_4_14);
  EXPECT_EQ(collected_from(tree),
            "memory_vmstat_allocstall_total 1334\n"  // 0 + 2 + 1187 + 145
            "memory_vmstat_allocstall_dma_total 0\n"
            "memory_vmstat_allocstall_dma32_total 2\n"
            "memory_vmstat_allocstall_movable_total 1187\n"
            "memory_vmstat_allocstall_normal_total 145\n"
            "memory_vmstat_oom_kill_total 1\n"
            "memory_vmstat_pgfault_total 811203344\n"
            "memory_vmstat_pgmajfault_total 201133\n"
            "memory_vmstat_pgscan_direct_total 240118\n"
            "memory_vmstat_pgscan_direct_throttle_total 0\n"
            "memory_vmstat_pgscan_kswapd_total 31877120\n"
            "memory_vmstat_pgsteal_direct_total 211032\n"
            "memory_vmstat_pgsteal_kswapd_total 30122877\n"
            "memory_vmstat_pswpin_total 1033\n"
            "memory_vmstat_pswpout_total 5304\n"
            "memory_vmstat_swap_ra_total 41\n"
            "memory_vmstat_swap_ra_hit_total 33\n"
            "memory_vmstat_thp_collapse_alloc_total 991\n"
            "memory_vmstat_thp_collapse_alloc_failed_total 4\n"
            "memory_vmstat_thp_deferred_split_page_total 2044\n"
            "memory_vmstat_thp_fault_alloc_total 8122\n"
            "memory_vmstat_thp_fault_fallback_total 203\n"
            "memory_vmstat_thp_file_alloc_total 0\n"
            "memory_vmstat_thp_file_mapped_total 0\n"
            "memory_vmstat_thp_split_page_total 612\n"
            "memory_vmstat_thp_split_page_failed_total 1\n"
            "memory_vmstat_thp_split_pmd_total 2712\n"
            "memory_vmstat_thp_split_pud_total 0\n"
            "memory_vmstat_thp_swpout_total 3\n"
            "memory_vmstat_thp_swpout_fallback_total 8\n"
            "memory_vmstat_thp_zero_page_alloc_total 1\n"
            "memory_vmstat_thp_zero_page_alloc_failed_total 0\n"
            "memory_vmstat_workingset_activate_total 1733201\n"
            "memory_vmstat_workingset_nodereclaim_total 5120\n"
            "memory_vmstat_workingset_refault_total 4831021\n");
}

TEST(VmstatCollector, AddsUpWhatKernelsBefore48CountByZone) {
  FixtureTree tree;
  tree.write("proc/vmstat",
             "pgsteal_kswapd_dma 1\npgsteal_kswapd_dma32 600\npgsteal_kswapd_normal 40\n"
             "pgsteal_direct_normal 30\npgsteal_direct_high 2\npgsteal_direct_movable 5\n"
             "pgscan_kswapd_dma 3\npgscan_kswapd_normal 20\n"
             "pgscan_direct_dma 4\npgscan_direct_normal 10\npgscan_direct_throttle 9\n"
             "pgrefill_normal 77\nallocstall 7\n");
  EXPECT_EQ(collected_from(tree),
            "memory_vmstat_allocstall_total 7\n"
            "memory_vmstat_pgscan_direct_total 14\n"
            "memory_vmstat_pgscan_direct_throttle_total 9\n"
            "memory_vmstat_pgscan_kswapd_total 23\n"
            "memory_vmstat_pgsteal_direct_total 37\n"
            "memory_vmstat_pgsteal_kswapd_total 641\n");
}

TEST(VmstatCollector, KnowsNoSumOfWhichAZoneIsUnknown) {
  FixtureTree tree;
  tree.write("proc/vmstat", "pgscan_kswapd_dma 3\npgscan_kswapd_normal -20\npgscan_direct_dma 4\n");
  EXPECT_EQ(collected_from(tree),
            "memory_vmstat_pgscan_direct_total 4\n"
            "error: vmstat: malformed: " +
                tree.path("proc/vmstat") + ":2: expected \"field number\"\n");
  tree.write("proc/vmstat", "pgscan_kswapd_dma 3\npgscan_kswapd_nor");
  EXPECT_THAT(collected_from(tree), Not(HasSubstr("pgscan_kswapd_total")));
}

TEST(VmstatCollector, KnowsFieldsByTheirFormerNames) {
  FixtureTree tree;
  tree.write("proc/vmstat", "pgsteal_normal 50\nkswapd_steal 41\nthp_split 3\n");
  EXPECT_EQ(collected_from(tree),
            "memory_vmstat_pgsteal_kswapd_total 41\n"
            "memory_vmstat_thp_split_page_total 3\n");
}

TEST(VmstatCollector, GivesZonesOneByOneWhereTheyAreAskedFor) {
  FixtureTree tree;
  tree.write("proc/vmstat", "pgscan_kswapd_dma 3\npgscan_kswapd_normal 20\n");
  CollectorOptions options;
  options.vmstat_fields = *Pattern::compile("^pgscan");
  EXPECT_EQ(collected(tree.trees(), *make_vmstat_collector(tree.trees(), options)),
            "memory_vmstat_pgscan_kswapd_total 23\n"
            "memory_vmstat_other_total{field=\"pgscan_kswapd_dma\"} 3\n"
            "memory_vmstat_other_total{field=\"pgscan_kswapd_normal\"} 20\n");
}

/// Whether the design's default set names the field.
bool in_default_set(std::string_view field) {
  for (const auto* prefix : {"pgscan", "pgsteal", "allocstall", "workingset_", "thp_", "swap_ra"}) {
    if (field.starts_with(prefix)) return true;
  }
  for (const auto* name : {"pswpin", "pswpout", "pgfault", "pgmajfault", "oom_kill"}) {
    if (field == name) return true;
  }
  return false;
}

TEST(VmstatCollector, LeavesNoEventOfTheDefaultSetOutOnARealMachine) {
  FixtureTree tree;
  tree.write("proc/vmstat", testdata::vmstat_6_18);
  const auto text = collected_from(tree);
  std::string_view rest = testdata::vmstat_6_18;
  while (!rest.empty()) {
    const auto line = take_line(rest);
    const auto blank = line.find(' ');
    const std::string field(line.substr(0, blank));
    if (!in_default_set(field)) continue;
    const bool is_gauge = field == "workingset_nodes";
    EXPECT_THAT(text, HasSubstr("memory_vmstat_" + field + (is_gauge ? "" : "_total") +
                                std::string(line.substr(blank)) + "\n"));
  }
  EXPECT_THAT(text, Not(HasSubstr("nr_")));
}

TEST(VmstatCollector, AddsTheFieldsAskedForByTheirKind) {
  FixtureTree tree;
  tree.write("proc/vmstat",
             "nr_dirty 384\nnr_dirtied 38120042\nnr_vmscan_write 1\nnr_tlb_local_flush_all 7\n"
             "pgfault 811203344\npgpgin 91833211\ncompact_stall 402\n");
  CollectorOptions options;
  options.vmstat_fields = *Pattern::compile("^(nr_|pg)");
  EXPECT_EQ(collected(tree.trees(), *make_vmstat_collector(tree.trees(), options)),
            "memory_vmstat_pgfault_total 811203344\n"
            "memory_vmstat_other_total{field=\"nr_dirtied\"} 38120042\n"
            "memory_vmstat_other_total{field=\"nr_vmscan_write\"} 1\n"
            "memory_vmstat_other_total{field=\"nr_tlb_local_flush_all\"} 7\n"
            "memory_vmstat_other_total{field=\"pgpgin\"} 91833211\n"
            "memory_vmstat_other{field=\"nr_dirty\"} 384\n");
}

TEST(VmstatCollector, LeavesOutAmountsThatNoMachineCanHold) {
  FixtureTree tree;
  tree.write("proc/vmstat",
             "nr_free_pages 17592186044416\nnr_dirty 17592186044417\n"
             "nr_writeback 18446744073709551615\nworkingset_nodes 18446744073709551615\n"
             "pgfault 18446744073709551615\n");
  CollectorOptions options;
  options.vmstat_fields = *Pattern::compile("^nr_");
  EXPECT_EQ(collected(tree.trees(), *make_vmstat_collector(tree.trees(), options)),
            "memory_vmstat_pgfault_total 18446744073709551615\n"
            "memory_vmstat_other{field=\"nr_free_pages\"} 17592186044416\n");
}

TEST(VmstatCollector, WritesNothingWithoutTheFile) {
  EXPECT_EQ(collected_from(FixtureTree()), "");
}

TEST(VmstatCollector, KeepsCountsAbove2To53Whole) {
  FixtureTree tree;
  tree.write("proc/vmstat", "pgfault 18446744073709551615\n");
  EXPECT_EQ(collected_from(tree), "memory_vmstat_pgfault_total 18446744073709551615\n");
}

TEST(VmstatCollector, LeavesOutAMalformedLine) {
  FixtureTree tree;
  tree.write("proc/vmstat", "pgfault 1\npgmajfault x\n");
  EXPECT_EQ(collected_from(tree),
            "memory_vmstat_pgfault_total 1\n"
            "error: vmstat: malformed: " +
                tree.path("proc/vmstat") + ":2: expected \"field number\"\n");
}

TEST(VmstatCollector, WritesNothingWhereTheFileIsDenied) {
  FixtureTree tree;
  tree.write("proc/vmstat", "pgfault 1\n").forbid("proc/vmstat");
  const Unprivileged unprivileged;
  EXPECT_EQ(collected_from(tree),
            "error: vmstat: denied: " + tree.path("proc/vmstat") + ": Permission denied\n");
}

}  // namespace
}  // namespace memory_exporter
