#include "collectors/process/grouping/folding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace memory_exporter::process {
namespace {

Contender held(std::uint64_t size) {
  return {.shown = true, .size = Bytes{size}};
}

Contender wants(std::uint64_t size) {
  return {.size = Bytes{size}};
}

Contender dead(int last_used) {
  return {.shown = true,
          .alive = false,
          .last_used = Clock::time_point(std::chrono::seconds(last_used))};
}

using Shown = std::vector<bool>;

TEST(Folding, WhereThereIsRoomEveryoneIsShown) {
  EXPECT_EQ(choose_shown({held(1), wants(0), dead(1)}, 3), Shown({true, true, true}));
  EXPECT_EQ(choose_shown({}, 3), Shown());
}

TEST(Folding, TheSmallestAreLeftOut) {
  EXPECT_EQ(choose_shown({wants(5), wants(9), wants(1), wants(7)}, 2),
            Shown({false, true, false, true}));
  EXPECT_EQ(choose_shown({wants(5), wants(9)}, 0), Shown({false, false}));
}

TEST(Folding, WhereThereAreFewerPlacesThanBeforeTheSmallestHoldersLeave) {
  EXPECT_EQ(choose_shown({held(5), held(9), held(1), held(7)}, 2),
            Shown({false, true, false, true}));
}

TEST(Folding, OneThatIsOnlyALittleLargerTakesNoPlace) {
  EXPECT_EQ(choose_shown({held(100), wants(125)}, 1), Shown({true, false}));
  EXPECT_EQ(choose_shown({held(100), wants(126)}, 1), Shown({false, true}));
  EXPECT_EQ(choose_shown({held(0), wants(0)}, 1), Shown({true, false}));
  EXPECT_EQ(choose_shown({held(0), wants(1)}, 1), Shown({false, true}));
}

TEST(Folding, EachTakesThePlaceOfTheSmallestThatIsLeft) {
  EXPECT_EQ(choose_shown({held(10), held(30), held(20), wants(100), wants(24), wants(50)}, 3),
            Shown({false, true, false, true, false, true}));
}

TEST(Folding, TheDeadLeaveFirstAndThoseUnusedForLongestBeforeAll) {
  EXPECT_EQ(choose_shown({dead(5), held(1), dead(3), wants(0)}, 3),
            Shown({true, true, false, true}));
  EXPECT_EQ(choose_shown({dead(5), held(1), dead(3)}, 2), Shown({true, true, false}));
}

TEST(Folding, SizesBeyondAnyMachineAreComparedAsWell) {
  EXPECT_EQ(choose_shown({held(~std::uint64_t{0}), wants(~std::uint64_t{0})}, 1),
            Shown({true, false}));
}

/// Sizes that swing by less than a quarter: whoever is shown first stays so.
TEST(Folding, GroupsOfAboutTheSameSizeDoNotTakeTurns) {
  std::mt19937 random(7);
  std::uniform_int_distribution<std::uint64_t> size(1000, 1240);
  std::vector<Contender> groups(50);
  Shown before;
  for (int round = 0; round < 100; ++round) {
    for (auto& group : groups) group.size = Bytes{size(random)};
    const auto shown = choose_shown(groups, 20);
    ASSERT_EQ(std::count(shown.begin(), shown.end(), true), 20);
    if (round > 0) {
      ASSERT_EQ(shown, before) << "round " << round;
    }
    before = shown;
    for (std::size_t i = 0; i < groups.size(); ++i) groups[i].shown = shown[i];
  }
}

}  // namespace
}  // namespace memory_exporter::process
