#include "collectors/procfs/limits.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/procfs/captures.h"

namespace memory_exporter::procfs {
namespace {

TEST(ParseLimits, ReadsTheSoftLimitsOfEveryKernel) {
  struct Expected {
    const char* version;
    Bytes locked;
  };
  for (const auto& [version, locked] :
       {Expected{"linux-5.10", Bytes{65536}}, Expected{"linux-6.1", Bytes{8388608}},
        Expected{"linux-6.12", Bytes{8388608}}, Expected{"linux-6.18", Bytes{8388608}}}) {
    const auto limits = parse_limits(capture(version + std::string("/limits")));
    ASSERT_TRUE(limits) << limits.error().message();
    EXPECT_FALSE(limits->data) << version;
    EXPECT_EQ(limits->stack, Bytes{8388608}) << version;
    EXPECT_EQ(limits->locked, locked) << version;
    EXPECT_FALSE(limits->address_space) << version;
  }
}

TEST(ParseLimits, TakesTheSoftLimitAndNotTheHardOne) {
  const auto limits = parse_limits(
      "Limit                     Soft Limit           Hard Limit           Units     \n"
      "Max data size             1048576              unlimited            bytes     \n"
      "Max stack size            unlimited            8388608              bytes     \n"
      "Max locked memory         0                    65536                bytes     \n"
      "Max address space         18446744073709551614 18446744073709551614 bytes     \n");
  ASSERT_TRUE(limits) << limits.error().message();
  EXPECT_EQ(limits->data, Bytes{1048576});
  EXPECT_FALSE(limits->stack);
  EXPECT_EQ(limits->locked, Bytes{0});
  EXPECT_EQ(limits->address_space, Bytes{UINT64_MAX - 1});
}

TEST(ParseLimits, LeavesAbsentWhatIsNotThere) {
  for (const char* text :
       {"", "\n", "Max open files  1024  4096  files\n", "Max data sizes 1 1 x\n"}) {
    const auto limits = parse_limits(text);
    ASSERT_TRUE(limits) << text;
    EXPECT_FALSE(limits->data || limits->stack || limits->locked || limits->address_space);
  }
}

TEST(ParseLimits, LeavesAbsentWhatHasAnotherFormAndKeepsTheRest) {
  for (const std::string bad :
       {"Max stack size \n", "Max stack size 1\n", "Max stack size 1 1\n",
        "Max stack size 1 1 files\n", "Max stack size x 1 bytes\n", "Max stack size 1 x bytes\n",
        "Max stack size -1 1 bytes\n", "Max stack size 99999999999999999999 1 bytes\n",
        "Max stack size 1 unlimite bytes\n"}) {
    Skipped skipped;
    const auto limits = parse_limits("Limit\n" + bad + "Max data size 7 8 bytes\n", &skipped);
    ASSERT_TRUE(limits) << bad;
    EXPECT_EQ(skipped.lines, 1u) << bad;
    EXPECT_EQ(skipped.first, 2) << bad;
    EXPECT_FALSE(limits->stack) << bad;
    EXPECT_EQ(limits->data, Bytes{7}) << bad;
  }
}

TEST(ParseLimits, RefusesATextCutInsideAnyLine) {
  const auto text = capture("linux-6.18/limits");
  for (std::size_t size = 1; size < text.size(); ++size) {
    EXPECT_EQ(parse_limits(text.substr(0, size)).ok(), text[size - 1] == '\n') << "cut to " << size;
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
