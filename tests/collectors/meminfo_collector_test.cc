#include <gtest/gtest.h>

#include <algorithm>

#include "collectors/base/text.h"
#include "collectors/builtin.h"
#include "tests/collectors/fixture_tree.h"
#include "tests/collectors/text_sink.h"
#include "tests/procfs/meminfo_captures.h"

namespace memory_exporter {
namespace {

std::string collected_from(const FixtureTree& tree) {
  return collected(tree.trees(), *make_meminfo_collector(tree.trees(), CollectorOptions{}));
}

TEST(MeminfoCollector, WritesARealMachine) {
  FixtureTree tree;
  tree.write("proc/meminfo", testdata::meminfo_6_18);
  EXPECT_EQ(collected_from(tree),
            "memory_meminfo_mem_total_bytes 25276510208\n"
            "memory_meminfo_mem_free_bytes 23494377472\n"
            "memory_meminfo_mem_available_bytes 24270106624\n"
            "memory_meminfo_buffers_bytes 18173952\n"
            "memory_meminfo_cached_bytes 934137856\n"
            "memory_meminfo_swap_cached_bytes 0\n"
            "memory_meminfo_active_bytes 430567424\n"
            "memory_meminfo_inactive_bytes 1016520704\n"
            "memory_meminfo_active_anon_bytes 1658880\n"
            "memory_meminfo_inactive_anon_bytes 502349824\n"
            "memory_meminfo_active_file_bytes 428908544\n"
            "memory_meminfo_inactive_file_bytes 514170880\n"
            "memory_meminfo_unevictable_bytes 18456576\n"
            "memory_meminfo_mlocked_bytes 17371136\n"
            "memory_meminfo_swap_total_bytes 0\n"
            "memory_meminfo_swap_free_bytes 0\n"
            "memory_meminfo_zswap_bytes 0\n"
            "memory_meminfo_zswapped_bytes 0\n"
            "memory_meminfo_dirty_bytes 14372864\n"
            "memory_meminfo_writeback_bytes 0\n"
            "memory_meminfo_anon_pages_bytes 513347584\n"
            "memory_meminfo_mapped_bytes 53538816\n"
            "memory_meminfo_shmem_bytes 9084928\n"
            "memory_meminfo_kernel_reclaimable_bytes 97988608\n"
            "memory_meminfo_slab_bytes 124772352\n"
            "memory_meminfo_slab_reclaimable_bytes 97988608\n"
            "memory_meminfo_slab_unreclaimable_bytes 26783744\n"
            "memory_meminfo_kernel_stack_bytes 1929216\n"
            "memory_meminfo_page_tables_bytes 4333568\n"
            "memory_meminfo_secondary_page_tables_bytes 0\n"
            "memory_meminfo_nfs_unstable_bytes 0\n"
            "memory_meminfo_bounce_bytes 0\n"
            "memory_meminfo_writeback_tmp_bytes 0\n"
            "memory_meminfo_commit_limit_bytes 12638253056\n"
            "memory_meminfo_committed_as_bytes 599158784\n"
            "memory_meminfo_vmalloc_total_bytes 35184372087808\n"
            "memory_meminfo_vmalloc_used_bytes 15020032\n"
            "memory_meminfo_vmalloc_chunk_bytes 0\n"
            "memory_meminfo_percpu_bytes 704512\n"
            "memory_meminfo_anon_huge_pages_bytes 0\n"
            "memory_meminfo_shmem_huge_pages_bytes 0\n"
            "memory_meminfo_shmem_pmd_mapped_bytes 0\n"
            "memory_meminfo_file_huge_pages_bytes 0\n"
            "memory_meminfo_file_pmd_mapped_bytes 0\n"
            "memory_meminfo_balloon_bytes 0\n"
            "memory_meminfo_hugepagesize_bytes 2097152\n"
            "memory_meminfo_hugetlb_bytes 0\n"
            "memory_meminfo_direct_map_bytes{size=\"4k\"} 31457280\n"
            "memory_meminfo_direct_map_bytes{size=\"2M\"} 2116026368\n"
            "memory_meminfo_direct_map_bytes{size=\"1G\"} 25769803776\n");
}

std::size_t lines_with(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  while (!text.empty()) count += take_line(text).find(part) != std::string_view::npos;
  return count;
}

TEST(MeminfoCollector, WritesEveryAmountOfEveryKernelOnce) {
  for (const std::string_view text :
       {testdata::meminfo_4_14, testdata::meminfo_4_19_highmem, testdata::meminfo_5_10,
        testdata::meminfo_6_6, testdata::meminfo_6_18}) {
    FixtureTree tree;
    tree.write("proc/meminfo", text);
    EXPECT_EQ(lines_with(collected_from(tree), " "), lines_with(text, " kB"));
  }
}

TEST(MeminfoCollector, WritesFieldsItHasNoNameForUnderOne) {
  FixtureTree tree;
  tree.write("proc/meminfo", "MemTotal: 8 kB\nNewField(x): 4 kB\nHugePages_New: 1\n");
  EXPECT_EQ(collected_from(tree),
            "memory_meminfo_mem_total_bytes 8192\n"
            "memory_meminfo_other_bytes{field=\"NewField(x)\"} 4096\n");
}

TEST(MeminfoCollector, WritesNothingWithoutTheFile) {
  EXPECT_EQ(collected_from(FixtureTree()), "");
}

TEST(MeminfoCollector, LeavesOutAMalformedLine) {
  FixtureTree tree;
  tree.write("proc/meminfo", "MemTotal: 8 kB\nMemFree: 4\nCached: 12 kB\n");
  EXPECT_EQ(collected_from(tree),
            "memory_meminfo_mem_total_bytes 8192\n"
            "memory_meminfo_cached_bytes 12288\n"
            "error: meminfo: malformed: " +
                tree.path("proc/meminfo") +
                ":2: expected \"Key: value\" with a value of the kernel's form\n");
  tree.write("proc/meminfo", "");
  EXPECT_EQ(collected_from(tree), "error: meminfo: malformed: " + tree.path("proc/meminfo") +
                                      ": expected lines, the file is empty\n");
}

TEST(MeminfoCollector, WritesNothingWhereTheFileIsDenied) {
  FixtureTree tree;
  tree.write("proc/meminfo", testdata::meminfo_6_18).forbid("proc/meminfo");
  const Unprivileged unprivileged;
  EXPECT_EQ(collected_from(tree),
            "error: meminfo: denied: " + tree.path("proc/meminfo") + ": Permission denied\n");
}

}  // namespace
}  // namespace memory_exporter
