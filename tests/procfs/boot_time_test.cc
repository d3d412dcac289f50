#include "collectors/procfs/boot_time.h"

#include <gtest/gtest.h>

namespace memory_exporter::procfs {
namespace {

TEST(ParseBootTime, FindsTheLineAmongTheOthers) {
  const auto time = parse_boot_time(
      "cpu  25 0 12 900 0 0 0 0 0 0\ncpu0 25 0 12 900 0 0 0 0 0 0\nintr 8 0 1 7\nctxt 77\n"
      "btime 1795232441\nprocesses 81470\n");
  ASSERT_TRUE(time);
  EXPECT_EQ(*time, 1795232441u);
}

TEST(ParseBootTime, RefusesAnythingElse) {
  for (const char* text : {"", "cpu 1\n", "btime\n", "btime x\n", "btime 1 2\n", "btime -1\n",
                           "cpu 1\nbtime 17952", "xbtime 1\n", "btime 18446744073709551616\n"}) {
    const auto time = parse_boot_time(text);
    ASSERT_FALSE(time) << text;
    EXPECT_EQ(time.error().kind, ErrorKind::malformed);
  }
  EXPECT_EQ(parse_boot_time("cpu 1\nbtime x\n").error().line, 2);
}

}  // namespace
}  // namespace memory_exporter::procfs
