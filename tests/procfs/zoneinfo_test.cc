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

TEST(ParsePercpuFreePages, AddsUpThePageSetsOfAllZonesAndCpus) {
  const auto pages = parse_percpu_free_pages(zoneinfo);
  ASSERT_TRUE(pages) << pages.error().message();
  EXPECT_EQ(*pages, 7u + 776 + 2862);
}

TEST(ParsePercpuFreePages, ReadsTheWiderColumnsOfKernel67AndLater) {
  // 6.18, captured: with high_min and high_max, the column is wider.
  EXPECT_EQ(*parse_percpu_free_pages("Node 0, zone   Normal\n"
                                     "  pagesets\n"
                                     "    cpu: 0\n"
                                     "              count:    9407\n"
                                     "              high:     9868\n"
                                     "              high_min: 3740\n"),
            9407u);
}

TEST(ParsePercpuFreePages, IsZeroWhereNoCpuHoldsAny) {
  EXPECT_EQ(*parse_percpu_free_pages("Node 0, zone      DMA\n"), 0u);
}

TEST(ParsePercpuFreePages, RefusesATextWithoutZones) {
  EXPECT_FALSE(parse_percpu_free_pages(""));
  EXPECT_FALSE(parse_percpu_free_pages("count: 1\n"));
}

TEST(ParsePercpuFreePages, NamesTheLineOfABadCount) {
  for (const char* count : {"", "x", "-1", "99999999999999999999"}) {
    const auto pages =
        parse_percpu_free_pages("Node 0, zone DMA\n  count: " + std::string(count) + "\n");
    ASSERT_FALSE(pages) << count;
    EXPECT_EQ(pages.error().line, 2);
  }
}

TEST(ParsePercpuFreePages, RefusesASumThatWouldBeginAgainAtZero) {
  const auto pages = parse_percpu_free_pages(
      "Node 0, zone DMA\n  count: 18446744073709551615\n  count: 0\n  count: 1\n");
  ASSERT_FALSE(pages);
  EXPECT_EQ(pages.error().line, 4);
}

TEST(ParsePercpuFreePages, NeverReadsAShorterNumberOutOfACutText) {
  for (std::size_t size = 0; size < zoneinfo.size(); ++size) {
    if (parse_percpu_free_pages(zoneinfo.substr(0, size))) {
      EXPECT_EQ(zoneinfo[size - 1], '\n');
    }
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
