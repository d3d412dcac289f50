#include "tests/docs/tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace memory_exporter::docs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ReadTables, TakesRowsThatBeginWithABacktickBySection) {
  std::istringstream page(
      "# Page\n\n## swap\n\n| metric | labels |\n|---|---|\n| `memory_swap_bytes` | `device` |\n"
      "\nnot a row: `memory_other_bytes`\n\n## ksm\n| `a`, `b` | 1 |  |\n");
  const auto sections = read_tables(page);
  ASSERT_EQ(sections.size(), 2u);
  ASSERT_EQ(sections.at("swap").size(), 1u);
  EXPECT_THAT(sections.at("swap")[0].names, ElementsAre("memory_swap_bytes"));
  EXPECT_THAT(sections.at("swap")[0].cells, ElementsAre("`memory_swap_bytes`", "`device`"));
  EXPECT_THAT(sections.at("ksm")[0].names, ElementsAre("a", "b"));
  EXPECT_THAT(sections.at("ksm")[0].cells, ElementsAre("`a`, `b`", "1", ""));
}

TEST(ReadTables, FindsNothingInAPageWithoutTables) {
  std::istringstream page("# Page\n\n## swap\n\n`memory_swap_bytes`\n");
  EXPECT_THAT(read_tables(page), IsEmpty());
}

}  // namespace
}  // namespace memory_exporter::docs
