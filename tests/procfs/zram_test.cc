#include "collectors/procfs/zram.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace memory_exporter::procfs {
namespace {

using ::testing::Optional;

TEST(ParseZramMemory, ReadsTheSevenNumbersOfKernel414) {
  const auto memory =
      parse_zram_memory("   12288     1052   655360  1048576   663552       17       21\n");
  ASSERT_FALSE(memory.skipped) << memory.skipped.error().message();
  EXPECT_THAT(memory->original, Optional(Bytes{12288}));
  EXPECT_THAT(memory->compressed, Optional(Bytes{1052}));
  EXPECT_THAT(memory->used, Optional(Bytes{655360}));
  EXPECT_THAT(memory->limit, Optional(Bytes{1048576}));
  EXPECT_THAT(memory->used_peak, Optional(Bytes{663552}));
  EXPECT_EQ(memory->same_pages, 17u);
  EXPECT_EQ(memory->compacted, 21u);
  EXPECT_EQ(memory->huge_pages, std::nullopt);
  EXPECT_EQ(memory->huge_pages_since, std::nullopt);
}

TEST(ParseZramMemory, ReadsTheEightOfKernel510AndTheNineOfKernel61) {
  // Both captured.
  const auto eight = parse_zram_memory(
      "    4096       73    12288        0    12288        0        0        3\n");
  ASSERT_FALSE(eight.skipped);
  EXPECT_THAT(eight->huge_pages, Optional(3u));
  EXPECT_EQ(eight->huge_pages_since, std::nullopt);
  const auto nine = parse_zram_memory(
      "    4096       73    12288        0    12288        0        0        3        5\n");
  ASSERT_FALSE(nine.skipped);
  EXPECT_THAT(nine->huge_pages_since, Optional(5u));
}

TEST(ParseZramMemory, LeavesAnAmountThatNoMachineCanHoldAbsent) {
  const auto memory = parse_zram_memory("18446744073709547520 1 2 0 4 5 6\n");
  EXPECT_FALSE(memory.skipped);
  EXPECT_FALSE(memory->original);
  EXPECT_EQ(memory->compressed, Bytes{1});
}

TEST(ParseZramMemory, PassesOverNumbersOfKernelsToCome) {
  EXPECT_FALSE(parse_zram_memory("1 2 3 4 5 6 7 8 9 10\n").skipped);
}

TEST(ParseZramMemory, LeavesOutWhatIsNoNumber) {
  for (const char* text :
       {"1 2 3 4 x 6 7\n", "1 2 3 4 -5 6 7\n", "1 2 3 4 99999999999999999999 6 7\n"}) {
    const auto memory = parse_zram_memory(text);
    EXPECT_EQ(memory.skipped.lines, 1u) << text;
    EXPECT_EQ(memory->used_peak, std::nullopt) << text;
    EXPECT_THAT(memory->original, Optional(Bytes{1})) << text;
    EXPECT_THAT(memory->compacted, Optional(7u)) << text;
  }
  const auto fewer = parse_zram_memory("1 2 3 4 5 6\n");
  EXPECT_EQ(fewer.skipped.lines, 1u);
  EXPECT_THAT(fewer->same_pages, Optional(6u));
  EXPECT_EQ(fewer->compacted, std::nullopt);
  EXPECT_TRUE(parse_zram_memory("").skipped);
  EXPECT_TRUE(parse_zram_memory("\n").skipped);
}

TEST(ParseZramMemory, KnowsNothingOfATextThatEndsWithinTheLine) {
  const std::string whole = "    4096       73    12288        0    12288        0        0\n";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto cut = parse_zram_memory(whole.substr(0, size));
    EXPECT_TRUE(cut.skipped) << size;
    EXPECT_EQ(cut->original, std::nullopt) << size;
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
