#include "daemon/reply_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>

namespace memory_exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds no_patience{0};

TEST(ReplyBudget, CountsAReplyFromItsMakingUntilTheLastWhoHasIt) {
  ReplyBudget budget(1000);
  auto claim = budget.claim(300, no_patience);
  ASSERT_TRUE(claim);
  EXPECT_EQ(budget.in_use(), 300u);
  auto body = budget.keep(std::string(500, 'x'), std::move(*claim));
  claim.reset();
  EXPECT_EQ(budget.in_use(), 500u);
  auto shared = body;
  body.reset();
  EXPECT_EQ(budget.in_use(), 500u);
  shared.reset();
  EXPECT_EQ(budget.in_use(), 0u);
}

TEST(ReplyBudget, GivesBackWhatWasClaimedForNothing) {
  ReplyBudget budget(1000);
  budget.claim(300, no_patience);
  EXPECT_EQ(budget.in_use(), 0u);
}

TEST(ReplyBudget, RefusesWhatDoesNotFitBesideTheOthers) {
  ReplyBudget budget(1000);
  const auto first = budget.claim(600, no_patience);
  EXPECT_FALSE(budget.claim(500, no_patience));
  EXPECT_TRUE(budget.claim(400, no_patience));
}

TEST(ReplyBudget, AlwaysHasRoomForOne) {
  ReplyBudget budget(1000);
  const auto large = budget.claim(5000, no_patience);
  EXPECT_TRUE(large);
  EXPECT_FALSE(budget.claim(0, no_patience));
  const auto beside = budget.take(700);
  EXPECT_EQ(budget.in_use(), 5700u);
}

TEST(ReplyBudget, WaitsForAReplyThatIsDone) {
  ReplyBudget budget(1000);
  auto first = budget.claim(1000, no_patience);
  auto second = std::async(std::launch::async, [&] { return budget.claim(1, seconds(20)); });
  EXPECT_EQ(second.wait_for(milliseconds(100)), std::future_status::timeout);
  first.reset();
  EXPECT_TRUE(second.get());
}

TEST(ReplyBudget, AsksForBytesWhereTheyAreShort) {
  ReplyBudget budget(1000);
  auto first = budget.claim(1000, no_patience);
  std::atomic<int> asked = 0;
  budget.on_shortage([&] {
    if (++asked == 2) first.reset();  // who may be cut is cut only after some time
  });
  EXPECT_TRUE(budget.claim(1000, seconds(20)));
  EXPECT_EQ(asked, 2);
}

}  // namespace
}  // namespace memory_exporter
