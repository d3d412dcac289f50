#include "config/suggest.h"

#include <gtest/gtest.h>

#include <array>

namespace memory_exporter::config {
namespace {

constexpr std::array<std::string_view, 4> flags = {"--once", "--pss.wait", "--pss.max-age",
                                                   "--web.max-requests"};

TEST(Nearest, FindsWhatWasMeant) {
  EXPECT_EQ(nearest("--onec", flags), "--once");
  EXPECT_EQ(nearest("--pss.maxage", flags), "--pss.max-age");
  EXPECT_EQ(nearest("--pss.max_age", flags), "--pss.max-age");
  EXPECT_EQ(nearest("--PSS.WAIT", flags), "--pss.wait");
  EXPECT_EQ(nearest("--web.max-request", flags), "--web.max-requests");
}

TEST(Nearest, SwappedLettersAreOneMistake) {
  constexpr std::array<std::string_view, 2> keys = {"wait", "burst"};
  EXPECT_EQ(nearest("wiat", keys), "wait");
  EXPECT_EQ(nearest("bursty", keys), "burst");
  EXPECT_EQ(nearest("tiaw", keys), std::nullopt);
}

TEST(Nearest, OffersNothingFarFetched) {
  EXPECT_EQ(nearest("--log.level", flags), std::nullopt);
  EXPECT_EQ(nearest("x", flags), std::nullopt);
  EXPECT_EQ(nearest("", flags), std::nullopt);
  EXPECT_EQ(nearest("--once", {}), std::nullopt);
  EXPECT_EQ(nearest(std::string(100'000, 'x'), flags), std::nullopt);
}

TEST(Nearest, TakesTheFirstOfEqualOnes) {
  constexpr std::array<std::string_view, 2> names = {"bat", "cat"};
  EXPECT_EQ(nearest("rat", names), "bat");
}

TEST(DidYouMean, IsAPhraseOrNothing) {
  EXPECT_EQ(did_you_mean("--onec", flags), " (did you mean --once?)");
  EXPECT_EQ(did_you_mean("--log.level", flags), "");
}

}  // namespace
}  // namespace memory_exporter::config
