#include "collectors/process/facts/stall_account.h"

#include <gtest/gtest.h>

namespace memory_exporter::process {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(RestTest, ALongHoldIsFollowedByTheTimeItCostsAtTheStallBudget) {
  const auto rest = [](milliseconds hold, double budget, milliseconds stalled = {}) {
    return rest_after(WalkMethod::rollup, {hold, hold, stalled}, budget);
  };
  EXPECT_EQ(rest(milliseconds(36), 0.001), seconds(45));  // 36 s, and a quarter more
  EXPECT_EQ(rest(milliseconds(36), 0.01), milliseconds(4500));
  EXPECT_EQ(rest(milliseconds(0), 0.001), seconds(0));
  EXPECT_EQ(rest(milliseconds(4), 0.001, milliseconds(36)), seconds(45)) << "nine of them";
}

TEST(RestTest, EndsWhateverTheBudget) {
  for (const double budget : {1e-9, 1e-12, 1e-300}) {
    EXPECT_EQ(rest_after(WalkMethod::rollup, {hours(1), hours(1), hours(1)}, budget),
              std::chrono::years(1));
  }
}

TEST(RestTest, AWalkInPartsTakesAShareOfTheTime) {
  const auto rest = [](milliseconds cpu, microseconds hold = microseconds(200)) {
    return rest_after(WalkMethod::pagemap, {cpu, hold, {}}, 0.001);
  };
  EXPECT_EQ(rest(milliseconds(50)), milliseconds(2500));
  EXPECT_EQ(rest(milliseconds(100)), seconds(5));
  EXPECT_EQ(rest(milliseconds(200)), seconds(5));
  EXPECT_EQ(rest(milliseconds(300)), milliseconds(7500));
  EXPECT_EQ(rest(milliseconds(50), milliseconds(4)), seconds(5)) << "for one part that was long";
}

constexpr Clock::time_point start{hours(10)};
constexpr double as_long_as_it_held = 1.25;

/// Until when it rests, to the millisecond.
milliseconds rest_of(const StallAccount& account, WalkMethod method) {
  milliseconds rest{};
  while (account.rests(method, start + rest)) rest += milliseconds(1);
  return rest;
}

TEST(StallAccount, AddsUpAndKeepsItsTwoSidesApart) {
  StallAccount account;
  account.book(WalkMethod::rollup, {.longest_hold = seconds(4)}, as_long_as_it_held, start);
  EXPECT_EQ(rest_of(account, WalkMethod::rollup), seconds(4));
  EXPECT_EQ(rest_of(account, WalkMethod::pagemap), seconds(0));
  // Another file, read meanwhile: first the one rest, then the other.
  account.book(WalkMethod::rollup, {.longest_hold = seconds(5)}, as_long_as_it_held,
               start + seconds(1));
  EXPECT_EQ(rest_of(account, WalkMethod::rollup), seconds(9));
  // What began after a rest was over rests from there.
  account.book(WalkMethod::rollup, {.longest_hold = seconds(1)}, as_long_as_it_held,
               start + seconds(60));
  EXPECT_EQ(rest_of(account, WalkMethod::rollup), seconds(61));
}

TEST(StallAccount, ARestEndsWithinAYearOfItsReadHoweverMuchAddsUp) {
  StallAccount account;
  for (int i = 0; i < 3; ++i)
    account.book(WalkMethod::rollup, {.longest_hold = hours(1)}, 1e-300, start);
  EXPECT_TRUE(account.rests(WalkMethod::rollup, start + std::chrono::years(1) - nanoseconds(1)));
  EXPECT_FALSE(account.rests(WalkMethod::rollup, start + std::chrono::years(1)));
}

TEST(StallAccount, OfTwoTheLongerRestHolds) {
  StallAccount one;
  one.book(WalkMethod::rollup, {.longest_hold = seconds(2)}, as_long_as_it_held, start);
  StallAccount other;
  other.book(WalkMethod::rollup, {.longest_hold = seconds(1)}, as_long_as_it_held, start);
  other.book(WalkMethod::pagemap, {.longest_hold = seconds(3)}, as_long_as_it_held, start);
  one.merge(other);
  EXPECT_EQ(rest_of(one, WalkMethod::rollup), seconds(2));
  EXPECT_EQ(rest_of(one, WalkMethod::pagemap), seconds(3));
}

TEST(StallAccount, WhatIsLeftOfARestIsStretchedAndWhatIsOverIsNot) {
  StallAccount account;
  account.book(WalkMethod::rollup, {.longest_hold = seconds(1)}, as_long_as_it_held, start);
  account.stretch(10, start + milliseconds(500));
  EXPECT_EQ(rest_of(account, WalkMethod::rollup), milliseconds(5500));
  account.stretch(1e12, start + milliseconds(5500));
  EXPECT_EQ(rest_of(account, WalkMethod::rollup), milliseconds(5500));
  account.stretch(1e-12, start);
  EXPECT_LE(rest_of(account, WalkMethod::rollup), milliseconds(1));
}

}  // namespace
}  // namespace memory_exporter::process
