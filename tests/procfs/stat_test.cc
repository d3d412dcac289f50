#include "collectors/procfs/stat.h"

#include <gtest/gtest.h>

namespace memory_exporter::procfs {
namespace {

TEST(ParseStat, ReadsTheMemoryFieldsOfARealProcess) {
  // cat, kernel 6.18, x86-64.
  const auto stat = parse_stat(
      "2854 (cat) R 2849 2849 1126 0 -1 4194304 98 0 0 0 0 0 0 0 20 0 1 0 34804 3133440 376 "
      "18446744073709551615 94151729078272 94151729098153 140730849836320 0 0 0 0 0 0 0 0 0 17 1 0 "
      "0 0 0 0 94151729114160 94151729115776 94151817969664 140730849843654 140730849843674 "
      "140730849843674 140730849845227 0\n");
  ASSERT_TRUE(stat) << stat.error().message();
  EXPECT_EQ(stat->pid, 2854);
  EXPECT_EQ(stat->comm, "cat");
  EXPECT_EQ(stat->state, 'R');
  EXPECT_EQ(stat->ppid, 2849);
  EXPECT_EQ(stat->minor_faults, 98u);
  EXPECT_EQ(stat->major_faults, 0u);
  EXPECT_EQ(stat->threads, 1u);
  EXPECT_EQ(stat->start_time, 34804u);
  EXPECT_EQ(stat->virtual_size, Bytes{3133440});
  EXPECT_EQ(stat->start_code, 94151729078272u);
  EXPECT_EQ(stat->start_stack, 140730849836320u);
}

}  // namespace
}  // namespace memory_exporter::procfs
