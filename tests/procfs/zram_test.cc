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
  ASSERT_TRUE(memory) << memory.error().message();
  EXPECT_EQ(memory->original, Bytes{12288});
  EXPECT_EQ(memory->compressed, Bytes{1052});
  EXPECT_EQ(memory->used, Bytes{655360});
  EXPECT_EQ(memory->limit, Bytes{1048576});
  EXPECT_EQ(memory->used_peak, Bytes{663552});
  EXPECT_EQ(memory->same_pages, 17u);
  EXPECT_EQ(memory->compacted, 21u);
  EXPECT_EQ(memory->huge_pages, std::nullopt);
  EXPECT_EQ(memory->huge_pages_since, std::nullopt);
}

TEST(ParseZramMemory, ReadsTheEightOfKernel510AndTheNineOfKernel61) {
  // Both captured.
  const auto eight = parse_zram_memory(
      "    4096       73    12288        0    12288        0        0        3\n");
  ASSERT_TRUE(eight);
  EXPECT_THAT(eight->huge_pages, Optional(3u));
  EXPECT_EQ(eight->huge_pages_since, std::nullopt);
  const auto nine = parse_zram_memory(
      "    4096       73    12288        0    12288        0        0        3        5\n");
  ASSERT_TRUE(nine);
  EXPECT_THAT(nine->huge_pages_since, Optional(5u));
}

TEST(ParseZramMemory, PassesOverNumbersOfKernelsToCome) {
  EXPECT_TRUE(parse_zram_memory("1 2 3 4 5 6 7 8 9 10\n"));
}

TEST(ParseZramMemory, RefusesAnythingElse) {
  for (const char* text : {"", "\n", "1 2 3 4 5 6\n", "1 2 3 4 5 6 x\n", "1 2 3 4 5 6 -7\n",
                           "1 2 3 4 5 6 7", "99999999999999999999 2 3 4 5 6 7\n"}) {
    EXPECT_FALSE(parse_zram_memory(text)) << text;
  }
}

TEST(ParseZramMemory, RefusesATextThatEndsWithinTheLine) {
  const std::string whole = "    4096       73    12288        0    12288        0        0\n";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_zram_memory(whole.substr(0, size))) << size;
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
