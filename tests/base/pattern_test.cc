#include "collectors/base/pattern.h"

#include <gtest/gtest.h>

namespace memory_exporter {
namespace {

TEST(Pattern, MatchesAnywhereUnlessAnchored) {
  const auto pattern = *Pattern::compile("slice|^nr_.*y$");
  EXPECT_TRUE(pattern.matches("/system.slice/web.service"));
  EXPECT_TRUE(pattern.matches("nr_dirty"));
  EXPECT_FALSE(pattern.matches("xnr_dirty"));
  EXPECT_FALSE(pattern.matches(""));
  EXPECT_EQ(pattern.expression(), "slice|^nr_.*y$");
}

TEST(Pattern, TakesNamesThatAreNotUtf8) {
  EXPECT_TRUE(
      Pattern::compile("^/a.b$")->matches("/a\xff"
                                          "b"));
}

TEST(Pattern, SaysWhatIsWrongWithAnExpression) {
  const auto pattern = Pattern::compile("(open");
  ASSERT_FALSE(pattern);
  EXPECT_EQ(pattern.error().kind, ErrorKind::malformed);
  EXPECT_EQ(pattern.error().what, "missing ): (open");
}

}  // namespace
}  // namespace memory_exporter
