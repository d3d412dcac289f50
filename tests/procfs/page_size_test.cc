#include "collectors/procfs/page_size.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "tests/support/temp_tree.h"

namespace memory_exporter::procfs {
namespace {

using memory_exporter::testing::TempTree;

TEST(PageSize, IsThisMachinesWhereAKernelServesTheFiles) {
  const auto procfs = Tree::open("/proc");
  ASSERT_TRUE(procfs);
  EXPECT_EQ(*page_size_of(*procfs), Bytes{static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))});
}

TEST(PageSize, IsUnknownWhereNothingTells) {
  const TempTree tree;
  EXPECT_FALSE(*page_size_of(tree.open()));
  EXPECT_FALSE(*page_size_of(Tree::absent("/proc")));
  tree.write("meminfo", "MemFree: 4000 kB\n");
  EXPECT_FALSE(*page_size_of(tree.open()));
  tree.write("vmstat", "nr_free_pages 0\nnr_mapped 7\n");
  EXPECT_FALSE(*page_size_of(tree.open()));
}

/// Files that were captured one after another: some amounts moved by more than half meanwhile.
TEST(PageSize, IsWhatMostAmountsSay) {
  const TempTree tree;
  tree.write("meminfo",
             "MemFree: 160000 kB\nActive(file): 16000 kB\nInactive(file): 16400 kB\n"
             "AnonPages: 1600 kB\nMapped: 3100 kB\n");
  tree.write("vmstat",
             "nr_free_pages 40000\nnr_active_file 1000\nnr_inactive_file 1000\n"
             "nr_anon_pages 100\nnr_mapped 100\n");
  EXPECT_EQ(*page_size_of(tree.open()), Bytes::from_kib(16));
  tree.write("meminfo",
             "MemFree: 160000 kB\nActive(file): 4000 kB\nInactive(file): 16000 kB\n"
             "AnonPages: 1600 kB\n");
  EXPECT_FALSE(*page_size_of(tree.open())) << "two against two";
  tree.write("meminfo", "Active(file): 3 kB\nInactive(file): 900000 kB\n");
  EXPECT_FALSE(*page_size_of(tree.open())) << "no page is so small or so large";
}

TEST(PageSize, IsTheSmallestOfAProcessesMappings) {
  const TempTree tree;
  const auto entry = [](int kib) {
    return "10000-20000 r-xp 00000000 fe:00 7 /bin/a\nSize: 64 kB\nKernelPageSize: " +
           std::to_string(kib) + " kB\nMMUPageSize: 4 kB\n";
  };
  tree.write("2/smaps", "");
  tree.write("7/status", "Name: a\n");
  tree.write("9/smaps", entry(2048) + entry(64) + entry(0));
  EXPECT_EQ(*page_size_of(tree.open()), Bytes::from_kib(64));
  tree.write("9/smaps", "KernelPageSize:        6");
  EXPECT_FALSE(*page_size_of(tree.open())) << "a line that was cut short";
}

}  // namespace
}  // namespace memory_exporter::procfs
