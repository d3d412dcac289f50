#include <gtest/gtest.h>

#include "collectors/builtin.h"
#include "tests/collectors/fixture_tree.h"
#include "tests/collectors/text_sink.h"

namespace memory_exporter {
namespace {

constexpr std::string_view header = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

std::string collected_from(const FixtureTree& tree) {
  return collected(*make_swap_collector(tree.trees(), CollectorOptions{}));
}

TEST(SwapCollector, WritesEachDeviceWithItsKind) {
  FixtureTree tree;
  tree.write("proc/swaps", std::string(header) +
                               "/dev/zram0 partition\t8388604\t\t1028\t\t100\n"
                               "/dev/sda2 partition\t1024\t\t0\t\t-2\n"
                               "/var/my\\040swap file\t\t2097148\t\t524288\t\t-3\n");
  EXPECT_EQ(collected_from(tree),
            "memory_swap_device_size_bytes{device=\"/dev/zram0\",kind=\"zram\"} 8589930496\n"
            "memory_swap_device_size_bytes{device=\"/dev/sda2\",kind=\"partition\"} 1048576\n"
            "memory_swap_device_size_bytes{device=\"/var/my swap\",kind=\"file\"} 2147479552\n"
            "memory_swap_device_used_bytes{device=\"/dev/zram0\",kind=\"zram\"} 1052672\n"
            "memory_swap_device_used_bytes{device=\"/dev/sda2\",kind=\"partition\"} 0\n"
            "memory_swap_device_used_bytes{device=\"/var/my swap\",kind=\"file\"} 536870912\n"
            "memory_swap_device_priority{device=\"/dev/zram0\",kind=\"zram\"} 100\n"
            "memory_swap_device_priority{device=\"/dev/sda2\",kind=\"partition\"} -2\n"
            "memory_swap_device_priority{device=\"/var/my swap\",kind=\"file\"} -3\n");
}

TEST(SwapCollector, WritesOneSeriesForFilesOfOneName) {
  FixtureTree tree;
  tree.write("proc/swaps", std::string(header) +
                               "/swap\\040(deleted) file 4 1 -2\n"
                               "/swap\\040(deleted) file 8 2 -3\n"
                               "/swap file 16 4 -4\n");
  EXPECT_EQ(collected_from(tree),
            "memory_swap_device_size_bytes{device=\"/swap (deleted)\",kind=\"file\"} 12288\n"
            "memory_swap_device_size_bytes{device=\"/swap\",kind=\"file\"} 16384\n"
            "memory_swap_device_used_bytes{device=\"/swap (deleted)\",kind=\"file\"} 3072\n"
            "memory_swap_device_used_bytes{device=\"/swap\",kind=\"file\"} 4096\n"
            "memory_swap_device_priority{device=\"/swap (deleted)\",kind=\"file\"} -2\n"
            "memory_swap_device_priority{device=\"/swap\",kind=\"file\"} -4\n");
}

TEST(SwapCollector, WritesNothingWithoutSwap) {
  FixtureTree tree;
  EXPECT_EQ(collected_from(tree), "");
  tree.write("proc/swaps", header);
  EXPECT_EQ(collected_from(tree), "");
}

TEST(SwapCollector, NamesFileAndLineOfAMalformedText) {
  FixtureTree tree;
  tree.write("proc/swaps", std::string(header) + "/a file 4 0 1\n/b file 4\n");
  EXPECT_EQ(collected_from(tree), "error: malformed: " + tree.path("proc/swaps") +
                                      ":3: expected \"name kind size used priority\"\n");
}

TEST(SwapCollector, FailsWhereTheFileIsDenied) {
  FixtureTree tree;
  tree.write("proc/swaps", header).forbid("proc/swaps");
  const Unprivileged unprivileged;
  EXPECT_EQ(collected_from(tree),
            "error: denied: " + tree.path("proc/swaps") + ": Permission denied\n");
}

}  // namespace
}  // namespace memory_exporter
