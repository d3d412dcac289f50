#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/base/label.h"
#include "collectors/builtin.h"
#include "tests/collectors/fixture_tree.h"
#include "tests/collectors/text_sink.h"

namespace memory_exporter {
namespace {

constexpr std::string_view header = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

std::string collected_from(const FixtureTree& tree) {
  CollectorOptions options;
  options.page_size = [](const procfs::Tree&) { return OptionalBytes(Bytes{4096}); };
  return collected(tree.trees(), *make_swap_collector(tree.trees(), options));
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

// /proc/swaps has the path that swapon was given: Android's, one in a /dev that is gone.
TEST(SwapCollector, KnowsAZramDiskByAnyPath) {
  for (const char* path :
       {"/dev/zram1", "/dev/block/zram1", "/zram1", "/dev/zram1\\040(deleted)"}) {
    FixtureTree tree;
    tree.write("proc/swaps", std::string(header) + path + " partition 4 0 1\n")
        .write("sys/block/zram1/disksize", "4096\n");
    const auto written = collected_from(tree);
    EXPECT_THAT(written, testing::HasSubstr("memory_swap_device_size_bytes{device=\"/dev/zram1\","
                                            "kind=\"zram\"} 4096\n"));
    EXPECT_THAT(written,
                testing::HasSubstr("memory_swap_zram_size_bytes{device=\"/dev/zram1\"} 4096\n"));
  }
}

TEST(SwapCollector, TakesNothingElseForAZramDisk) {
  FixtureTree tree;
  tree.write("proc/swaps", std::string(header) +
                               "/zram1 file 4 0 1\n/dev/zram1p1 partition 8 0 2\n"
                               "/dev/zram partition 12 0 3\n");
  const auto written = collected_from(tree);
  EXPECT_THAT(written, testing::HasSubstr("{device=\"/zram1\",kind=\"file\"} 4096\n"));
  EXPECT_THAT(written, testing::HasSubstr("{device=\"/dev/zram1p1\",kind=\"partition\"} 8192\n"));
  EXPECT_THAT(written, testing::HasSubstr("{device=\"/dev/zram\",kind=\"partition\"} 12288\n"));
}

TEST(SwapCollector, MakesNoOneLabelOfTwoNames) {
  FixtureTree tree;
  tree.write("proc/swaps", std::string(header) + "/a\xff file 4 0 1\n/a\xfe file 8 0 2\n");
  EXPECT_THAT(
      collected_from(tree),
      testing::AllOf(
          testing::HasSubstr("{device=\"" + valid_label("/a\xff") + "\",kind=\"file\"} 4096\n"),
          testing::HasSubstr("{device=\"" + valid_label("/a\xfe") + "\",kind=\"file\"} 8192\n")));
  EXPECT_NE(valid_label("/a\xff"), valid_label("/a\xfe"));
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

TEST(SwapCollector, WritesZramDisksUnderTheNameOfTheirSwapDevice) {
  FixtureTree tree;
  tree.write("sys/block/zram1/mm_stat", "8536064 77377 393216 1048576 1130496 22 3 4 5\n")
      .write("sys/block/zram1/disksize", "67108864\n")
      .write("sys/block/zram0/mm_stat", "0 0 0 0 0 0 0\n")
      .write("sys/block/sda/size", "1\n");
  EXPECT_EQ(collected_from(tree),
            "memory_swap_zram_size_bytes{device=\"/dev/zram1\"} 67108864\n"
            "memory_swap_zram_original_bytes{device=\"/dev/zram0\"} 0\n"
            "memory_swap_zram_original_bytes{device=\"/dev/zram1\"} 8536064\n"
            "memory_swap_zram_compressed_bytes{device=\"/dev/zram0\"} 0\n"
            "memory_swap_zram_compressed_bytes{device=\"/dev/zram1\"} 77377\n"
            "memory_swap_zram_used_bytes{device=\"/dev/zram0\"} 0\n"
            "memory_swap_zram_used_bytes{device=\"/dev/zram1\"} 393216\n"
            "memory_swap_zram_used_peak_bytes{device=\"/dev/zram0\"} 0\n"
            "memory_swap_zram_used_peak_bytes{device=\"/dev/zram1\"} 1130496\n"
            "memory_swap_zram_limit_bytes{device=\"/dev/zram1\"} 1048576\n"
            "memory_swap_zram_same_pages{device=\"/dev/zram0\"} 0\n"
            "memory_swap_zram_same_pages{device=\"/dev/zram1\"} 22\n"
            "memory_swap_zram_huge_pages{device=\"/dev/zram1\"} 4\n"
            "memory_swap_zram_pages_compacted_total{device=\"/dev/zram0\"} 0\n"
            "memory_swap_zram_pages_compacted_total{device=\"/dev/zram1\"} 3\n");
}

/// zswap before kernel 5.19, when only debugfs told its size.
void write_old_zswap(FixtureTree& tree) {
  tree.write("sys/module/zswap/parameters/enabled", "Y\n")
      .write("sys/module/zswap/parameters/max_pool_percent", "20\n")
      .write("sys/kernel/debug/zswap/pool_total_size", "380928\n")
      .write("sys/kernel/debug/zswap/stored_pages", "2572\n")
      .write("sys/kernel/debug/zswap/reject_compress_poor", "9\n")
      .write("sys/kernel/debug/zswap/written_back_pages", "1\n")
      .write("proc/meminfo", "MemTotal: 8 kB\n");
}

TEST(SwapCollector, TakesZswapFromDebugfsOnOldKernels) {
  FixtureTree tree;
  write_old_zswap(tree);
  EXPECT_EQ(collected_from(tree),
            "memory_swap_zswap_enabled 1\n"
            "memory_swap_zswap_pool_bytes 380928\n"
            "memory_swap_zswap_stored_bytes 10534912\n"
            "memory_swap_zswap_rejects_total{reason=\"compress_poor\"} 9\n"
            "memory_swap_zswap_pool_limit_ratio 0.2\n"
            "memory_swap_zswap_written_back_pages_total 1\n");
}

TEST(SwapCollector, PrefersWhatMeminfoSaysOfZswap) {
  FixtureTree tree;
  write_old_zswap(tree);
  tree.write("proc/meminfo", "MemTotal: 8 kB\nZswap: 4 kB\nZswapped: 16 kB\n");
  const auto text = collected_from(tree);
  EXPECT_THAT(text, testing::HasSubstr("memory_swap_zswap_pool_bytes 4096\n"
                                       "memory_swap_zswap_stored_bytes 16384\n"));
}

TEST(SwapCollector, DoesNotMissADebugfsThatIsDenied) {
  FixtureTree tree;
  write_old_zswap(tree);
  tree.forbid("sys/kernel/debug");
  const Unprivileged unprivileged;
  EXPECT_EQ(collected_from(tree),
            "memory_swap_zswap_enabled 1\n"
            "memory_swap_zswap_pool_limit_ratio 0.2\n");
}

TEST(SwapCollector, LeavesOutWhatIsMalformed) {
  const std::pair<const char*, const char*> cases[] = {
      {"sys/block/zram0/mm_stat", "1 x 3\n"},
      {"sys/module/zswap/parameters/enabled", "yes\n"},
      {"sys/module/zswap/parameters/max_pool_percent", "x\n"},
      {"sys/kernel/debug/zswap/reject_alloc_fail", "x\n"},
      {"sys/kernel/debug/zswap/pool_limit_hit", "\n"},
      {"proc/meminfo", "Zswap: 1\n"}};
  for (const auto& [path, text] : cases) {
    FixtureTree tree;
    tree.write("proc/swaps", std::string(header) + "/a file 4 0 1\n")
        .write("sys/block/zram1/disksize", "8\n")
        .write(path, text);
    const auto written = collected_from(tree);
    EXPECT_THAT(written, testing::HasSubstr(
                             "memory_swap_device_used_bytes{device=\"/a\",kind=\"file\"} 0\n"));
    EXPECT_THAT(written,
                testing::HasSubstr("memory_swap_zram_size_bytes{device=\"/dev/zram1\"} 8\n"));
    EXPECT_THAT(written, testing::HasSubstr(": malformed: " + tree.path(path) + ":"));
  }
}

TEST(SwapCollector, LeavesOutWhatNoMachineCanHold) {
  FixtureTree tree;
  tree.write("sys/kernel/debug/zswap/pool_total_size", "18446744073709547520\n")
      .write("sys/kernel/debug/zswap/stored_pages", "18446744073709551615\n")
      .write("sys/block/zram0/disksize", "18446744073709547520\n")
      .write("sys/block/zram0/mm_stat", "4096 73 12288 0 12288 18446744073709551615 0 2 5\n");
  EXPECT_EQ(collected_from(tree),
            "memory_swap_zram_original_bytes{device=\"/dev/zram0\"} 4096\n"
            "memory_swap_zram_compressed_bytes{device=\"/dev/zram0\"} 73\n"
            "memory_swap_zram_used_bytes{device=\"/dev/zram0\"} 12288\n"
            "memory_swap_zram_used_peak_bytes{device=\"/dev/zram0\"} 12288\n"
            "memory_swap_zram_huge_pages{device=\"/dev/zram0\"} 2\n"
            "memory_swap_zram_pages_compacted_total{device=\"/dev/zram0\"} 0\n");
}

TEST(SwapCollector, WritesNothingWithoutSwap) {
  FixtureTree tree;
  EXPECT_EQ(collected_from(tree), "");
  tree.write("proc/swaps", header);
  EXPECT_EQ(collected_from(tree), "");
}

TEST(SwapCollector, LeavesOutOneBadLineOfTheDevices) {
  FixtureTree tree;
  tree.write("proc/swaps", std::string(header) + "/a file 4 0 1\n/b file 4\n");
  EXPECT_EQ(collected_from(tree),
            "memory_swap_device_size_bytes{device=\"/a\",kind=\"file\"} 4096\n"
            "memory_swap_device_used_bytes{device=\"/a\",kind=\"file\"} 0\n"
            "memory_swap_device_priority{device=\"/a\",kind=\"file\"} 1\n"
            "error: swaps: malformed: " +
                tree.path("proc/swaps") + ":3: expected \"name kind size used priority\"\n");
}

TEST(SwapCollector, KeepsZramAndZswapWhereTheDevicesAreDenied) {
  FixtureTree tree;
  tree.write("proc/swaps", header)
      .write("sys/block/zram0/disksize", "8\n")
      .write("sys/module/zswap/parameters/enabled", "N\n")
      .forbid("proc/swaps");
  const Unprivileged unprivileged;
  EXPECT_EQ(collected_from(tree),
            "memory_swap_zram_size_bytes{device=\"/dev/zram0\"} 8\n"
            "memory_swap_zswap_enabled 0\n"
            "error: swaps: denied: " +
                tree.path("proc/swaps") + ": Permission denied\n");
}

}  // namespace
}  // namespace memory_exporter
