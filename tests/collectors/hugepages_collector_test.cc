#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/builtin.h"
#include "tests/collectors/fixture_tree.h"
#include "tests/collectors/text_sink.h"

namespace memory_exporter {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* thp = "sys/kernel/mm/transparent_hugepage/";

std::string collected_from(const FixtureTree& tree) {
  return collected(tree.trees(), *make_hugepages_collector(tree.trees(), CollectorOptions{}));
}

TEST(HugepagesCollector, WritesPoolsOfTheMachineAndOfEachNodeBySize) {
  FixtureTree tree;
  const std::string pools = "sys/kernel/mm/hugepages/hugepages-";
  const std::string node = "sys/devices/system/node/node1/hugepages/hugepages-2048kB/";
  tree.write(pools + "1048576kB/nr_hugepages", "1\n")
      .write(pools + "2048kB/nr_hugepages", "20\n")
      .write(pools + "2048kB/free_hugepages", "12\n")
      .write(pools + "2048kB/resv_hugepages", "2\n")
      .write(pools + "2048kB/surplus_hugepages", "0\n")
      .write(pools + "2048kB/nr_overcommit_hugepages", "4\n")
      .write(node + "nr_hugepages", "20\n")
      .write(node + "free_hugepages", "12\n");
  EXPECT_EQ(collected_from(tree),
            "memory_hugepages_pool_pages{size=\"2048kB\",state=\"total\"} 20\n"
            "memory_hugepages_pool_pages{size=\"2048kB\",state=\"free\"} 12\n"
            "memory_hugepages_pool_pages{size=\"2048kB\",state=\"reserved\"} 2\n"
            "memory_hugepages_pool_pages{size=\"2048kB\",state=\"surplus\"} 0\n"
            "memory_hugepages_pool_pages{size=\"1048576kB\",state=\"total\"} 1\n"
            "memory_hugepages_pool_overcommit_pages{size=\"2048kB\"} 4\n"
            "memory_hugepages_node_pool_pages{numa_node=\"1\",size=\"2048kB\",state=\"total\"} 20\n"
            "memory_hugepages_node_pool_pages{numa_node=\"1\",size=\"2048kB\",state=\"free\"} "
            "12\n");
}

TEST(HugepagesCollector, TakesThePoolOfMeminfoWithoutSysfs) {
  FixtureTree tree;
  tree.write("proc/meminfo",
             "MemTotal: 8 kB\nHugePages_Total:      20\nHugePages_Free:       12\n"
             "HugePages_Rsvd:        2\nHugePages_Surp:        0\nHugepagesize:       2048 kB\n");
  EXPECT_EQ(collected_from(tree),
            "memory_hugepages_pool_pages{size=\"2048kB\",state=\"total\"} 20\n"
            "memory_hugepages_pool_pages{size=\"2048kB\",state=\"free\"} 12\n"
            "memory_hugepages_pool_pages{size=\"2048kB\",state=\"reserved\"} 2\n"
            "memory_hugepages_pool_pages{size=\"2048kB\",state=\"surplus\"} 0\n");
}

TEST(HugepagesCollector, WritesTheModesOfTransparentHugePages) {
  FixtureTree tree;
  tree.write(std::string(thp) + "enabled", "always [madvise] never\n")
      .write(std::string(thp) + "khugepaged/scan_sleep_millisecs", "10000\n");
  EXPECT_EQ(collected_from(tree),
            "memory_hugepages_thp_enabled{mode=\"always\"} 0\n"
            "memory_hugepages_thp_enabled{mode=\"madvise\"} 1\n"
            "memory_hugepages_thp_enabled{mode=\"never\"} 0\n"
            "memory_hugepages_khugepaged_scan_sleep_seconds 10\n");
}

TEST(HugepagesCollector, CountsOnlySizesThatAreNotSwitchedOff) {
  FixtureTree tree;
  for (const char* size : {"64", "128"}) {
    const auto folder = std::string(thp) + "hugepages-" + size + "kB/";
    tree.write(folder + "enabled", "always inherit madvise [never]\n")
        .write(folder + "shmem_enabled", "always inherit within_size advise [never]\n")
        .write(folder + "stats/swpout", "672\n")
        .write(folder + "stats/nr_anon", "3\n");
  }
  EXPECT_THAT(collected_from(tree), Not(HasSubstr("events")));
  tree.write(std::string(thp) + "hugepages-128kB/shmem_enabled", "always [advise] never\n");
  const auto text = collected_from(tree);
  EXPECT_THAT(text, HasSubstr("memory_hugepages_mthp_enabled{size=\"64kB\",mode=\"never\"} 1\n"));
  EXPECT_THAT(text,
              HasSubstr("memory_hugepages_mthp_events_total{size=\"128kB\",event=\"swpout\"} 672\n"
                        "memory_hugepages_mthp_pages{size=\"128kB\",state=\"anon\"} 3\n"));
  EXPECT_THAT(text, Not(HasSubstr("{size=\"64kB\",event=")));
}

/// 2^56 bytes are 2^35 pages of 2 MiB and 2^40 of 64 KiB.
TEST(HugepagesCollector, LeavesOutMorePagesThanAMachineCanHold) {
  FixtureTree tree;
  const std::string pool = "sys/kernel/mm/hugepages/hugepages-2048kB/";
  const std::string node = "sys/devices/system/node/node0/hugepages/hugepages-2048kB/";
  const std::string page = std::string(thp) + "hugepages-64kB/";
  tree.write(pool + "nr_hugepages", "34359738368\n")
      .write(pool + "free_hugepages", "34359738369\n")
      .write(pool + "resv_hugepages", "18446744073709551615\n")
      .write(pool + "nr_overcommit_hugepages", "34359738369\n")
      .write(node + "nr_hugepages", "34359738369\n")
      .write(node + "free_hugepages", "1\n")
      .write(page + "enabled", "[always] never\n")
      .write(page + "stats/nr_anon", "1099511627776\n")
      .write(page + "stats/nr_split", "1099511627777\n")
      .write(page + "stats/nr_anon_partially_mapped", "18446744073709551613\n")
      .write(page + "stats/swpout", "18446744073709551613\n");
  EXPECT_EQ(collected_from(tree),
            "memory_hugepages_pool_pages{size=\"2048kB\",state=\"total\"} 34359738368\n"
            "memory_hugepages_node_pool_pages{numa_node=\"0\",size=\"2048kB\",state=\"free\"} 1\n"
            "memory_hugepages_mthp_enabled{size=\"64kB\",mode=\"always\"} 1\n"
            "memory_hugepages_mthp_enabled{size=\"64kB\",mode=\"never\"} 0\n"
            "memory_hugepages_mthp_events_total{size=\"64kB\",event=\"swpout\"} "
            "18446744073709551613\n"  // counters may be anywhere before they begin anew
            "memory_hugepages_mthp_pages{size=\"64kB\",state=\"anon\"} 1099511627776\n");
}

TEST(HugepagesCollector, KnowsNoPagesOfASizeThatNoMachineHas) {
  FixtureTree tree;
  for (const char* size : {"0", "70368744177665", "18014398509481984", "18446744073709551615",
                           "99999999999999999999", "-1", ""}) {
    for (const char* folder : {"kernel/mm/hugepages", "devices/system/node/node0/hugepages",
                               "kernel/mm/transparent_hugepage"}) {
      const auto pages = std::string("sys/") + folder + "/hugepages-" + size + "kB/";
      tree.write(pages + "nr_hugepages", "1\n").write(pages + "enabled", "[always] never\n");
    }
  }
  EXPECT_EQ(collected_from(tree), "");
}

TEST(HugepagesCollector, LeavesOutMorePagesOfMeminfoThanAMachineCanHold) {
  FixtureTree tree;
  tree.write("proc/meminfo",
             "HugePages_Total: 34359738369\nHugePages_Free: 34359738368\n"
             "HugePages_Rsvd: 18446744073709551615\nHugepagesize:       2048 kB\n");
  EXPECT_EQ(collected_from(tree),
            "memory_hugepages_pool_pages{size=\"2048kB\",state=\"free\"} 34359738368\n");
  tree.write("proc/meminfo", "HugePages_Total: 1\nHugepagesize:          0 kB\n");
  EXPECT_EQ(collected_from(tree), "");
}

TEST(HugepagesCollector, WritesNothingWithoutHugePages) {
  EXPECT_EQ(collected_from(FixtureTree()), "");
}

TEST(HugepagesCollector, LeavesOutWhatIsMalformed) {
  const std::pair<std::string, const char*> cases[] = {
      {"sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "many\n"},
      {std::string(thp) + "defrag", "always never\n"},
      {std::string(thp) + "hugepages-64kB/enabled", "\n"},
      {std::string(thp) + "hugepages-64kB/stats/split", "1"},
      {std::string(thp) + "khugepaged/full_scans", "-1\n"},
      {"proc/meminfo", "MemTotal: 8 kB\nHugePages_Total: x\n"},
      {"sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "\n"}};
  for (const auto& [path, text] : cases) {
    FixtureTree tree;
    tree.write(std::string(thp) + "hugepages-64kB/enabled", "[always] never\n")
        .write(std::string(thp) + "use_zero_page", "1\n")
        .write(path, text);
    const auto written = collected_from(tree);
    EXPECT_THAT(written, testing::HasSubstr("memory_hugepages_thp_use_zero_page 1\n"));
    EXPECT_THAT(written, testing::HasSubstr(": malformed: " + tree.path(path) + ":"));
  }
}

}  // namespace
}  // namespace memory_exporter
