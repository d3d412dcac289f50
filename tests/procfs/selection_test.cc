#include "collectors/procfs/selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace memory_exporter::procfs {
namespace {

using ::testing::ElementsAre;

TEST(ParseSelection, FindsTheChoiceInBrackets) {
  // Kernel 6.18, transparent_hugepage/defrag.
  const auto selection = parse_selection("always defer defer+madvise [madvise] never\n");
  ASSERT_TRUE(selection) << selection.error().message();
  EXPECT_THAT(selection->choices,
              ElementsAre("always", "defer", "defer+madvise", "madvise", "never"));
  EXPECT_EQ(selection->chosen, 3u);
}

TEST(ParseSelection, AcceptsTheFirstAndAnOnlyChoice) {
  EXPECT_EQ(parse_selection("[none] scan-time\n")->chosen, 0u);
  EXPECT_THAT(parse_selection("[lzo]\n")->choices, ElementsAre("lzo"));
}

TEST(ParseSelection, RefusesAnythingElse) {
  for (const char* text : {"", "\n", "always never\n", "[always] [never]\n", "always [never]",
                           "[]\n", "[always\n", "always]\n", "[a] b\nc\n", "[a] b a\n"}) {
    const auto selection = parse_selection(text);
    ASSERT_FALSE(selection) << text;
    EXPECT_EQ(selection.error().kind, ErrorKind::malformed);
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
