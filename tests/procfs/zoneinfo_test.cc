#include "collectors/procfs/zoneinfo.h"

#include <gtest/gtest.h>

#include <string>

namespace memory_exporter::procfs {
namespace {

/// Kernel 6.12, two zones of three, the counters shortened. Captured.
constexpr std::string_view zoneinfo =
    "Node 0, zone      DMA\n"
    "  per-node stats\n"
    "      nr_inactive_anon 0\n"
    "      nr_mapped    1869\n"
    "  pages free     3808\n"
    "        boost    0\n"
    "        min      190\n"
    "        protection: (0, 440, 440, 440, 440)\n"
    "      nr_free_pages 3808\n"
    "  pagesets\n"
    "    cpu: 0\n"
    "              count: 0\n"
    "              high:  0\n"
    "              batch: 1\n"
    "  vm stats threshold: 4\n"
    "    cpu: 1\n"
    "              count: 7\n"
    "              high:  0\n"
    "              batch: 1\n"
    "  vm stats threshold: 4\n"
    "  node_unreclaimable:  0\n"
    "  start_pfn:           1\n"
    "Node 0, zone    DMA32\n"
    "  pages free     88860\n"
    "  pagesets\n"
    "    cpu: 0\n"
    "              count: 776\n"
    "    cpu: 1\n"
    "              count: 2862\n"
    "Node 0, zone  Movable\n"
    "  pages free     0\n";

TEST(ParseZoneinfo, AddsUpThePageSetsOfAllZonesAndCpus) {
  const auto zones = parse_zoneinfo(zoneinfo);
  EXPECT_FALSE(zones.skipped);
  EXPECT_EQ(zones->percpu_free, 7u + 776 + 2862);
}

TEST(ParseZoneinfo, ReadsTheWiderColumnsOfKernel67AndLater) {
  // 6.18, captured: with high_min and high_max, the column is wider.
  EXPECT_EQ(parse_zoneinfo("Node 0, zone   Normal\n"
                           "  pagesets\n"
                           "    cpu: 0\n"
                           "              count:    9407\n"
                           "              high:     9868\n"
                           "              high_min: 3740\n")
                ->percpu_free,
            9407u);
}

TEST(ParseZoneinfo, HasNoneWhereNoCpuHoldsAny) {
  EXPECT_EQ(parse_zoneinfo("Node 0, zone      DMA\n")->percpu_free, 0u);
}

TEST(ParseZoneinfo, AddsUpWhatTheZonesOfAllNodesManage) {
  const auto zones = parse_zoneinfo(
      "Node 0, zone      DMA\n  pages free     3808\n        present  3998\n"
      "        managed  3840\n"
      "Node 1, zone   Normal\n        managed  2096640\n");
  EXPECT_EQ(zones->managed, 3840u + 2096640);
}

TEST(ParseZoneinfo, KnowsNothingManagedBeforeKernel39) {
  EXPECT_EQ(parse_zoneinfo(zoneinfo)->managed, std::nullopt);
}

TEST(ParseZoneinfo, KnowsNothingOfATextWithoutZones) {
  for (const char* text : {"", "count: 1\n", "managed 1\n"}) {
    const auto zones = parse_zoneinfo(text);
    EXPECT_TRUE(zones.skipped) << text;
    EXPECT_FALSE(zones->percpu_free);
    EXPECT_FALSE(zones->managed);
  }
}

TEST(ParseZoneinfo, KnowsNoSumOfWhichACountIsBad) {
  for (const std::string count : {"", "x", "-1", "99999999999999999999"}) {
    const auto bad_count =
        parse_zoneinfo("Node 0, zone DMA\n  count: " + count + "\n  managed 5\n  count: 1\n");
    EXPECT_EQ(bad_count.skipped.first, 2) << count;
    EXPECT_FALSE(bad_count->percpu_free) << count;
    EXPECT_EQ(bad_count->managed, 5u);
    const auto bad_managed =
        parse_zoneinfo("Node 0, zone DMA\n  managed " + count + "\n  count: 1\n");
    EXPECT_EQ(bad_managed.skipped.first, 2) << count;
    EXPECT_FALSE(bad_managed->managed) << count;
    EXPECT_EQ(bad_managed->percpu_free, 1u);
  }
}

TEST(ParseZoneinfo, KnowsNoSumThatWouldBeginAgainAtZero) {
  const auto zones =
      parse_zoneinfo("Node 0, zone DMA\n  count: 18446744073709551615\n  count: 0\n  count: 1\n");
  EXPECT_EQ(zones.skipped.first, 4);
  EXPECT_FALSE(zones->percpu_free);
}

TEST(ParseZoneinfo, KnowsNoSumOfACutText) {
  for (std::size_t size = 1; size < zoneinfo.size(); ++size) {
    const auto zones = parse_zoneinfo(zoneinfo.substr(0, size));
    EXPECT_TRUE(!zones->percpu_free || zoneinfo[size - 1] == '\n') << size;
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
