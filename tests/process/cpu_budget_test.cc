#include "collectors/process/sampling/cpu_budget.h"

#include <gtest/gtest.h>

#include <array>

namespace memory_exporter::process {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::array whole = {1.0};
constexpr std::array halves = {1.0, 1.0};

TEST(CpuBudget, StartsFullAndRefillsAtItsRate) {
  const Clock::time_point start{};
  CpuBudget budget(0.05, seconds(1), start, whole);
  EXPECT_TRUE(budget.may_spend(start, 0));
  budget.spend(seconds(1), 0);
  EXPECT_FALSE(budget.may_spend(start, 0));
  EXPECT_TRUE(budget.may_spend(start + seconds(1), 0));
  EXPECT_EQ(budget.granted(), seconds(1) + milliseconds(50));
}

TEST(CpuBudget, ADebtIsPaidBeforeTheNextWalk) {
  const Clock::time_point start{};
  CpuBudget budget(0.05, seconds(1), start, whole);
  budget.spend(seconds(2), 0);
  EXPECT_FALSE(budget.may_spend(start + seconds(19), 0));
  EXPECT_TRUE(budget.may_spend(start + seconds(21), 0));
}

TEST(CpuBudget, NeverHoldsMoreThanItsBurst) {
  const Clock::time_point start{};
  CpuBudget budget(0.05, seconds(1), start, whole);
  EXPECT_TRUE(budget.may_spend(start + std::chrono::hours(10), 0));
  EXPECT_EQ(budget.granted(), seconds(1));
}

TEST(CpuBudget, NoLaneSpendsWhatIsAnothers) {
  const Clock::time_point start{};
  CpuBudget budget(0.05, seconds(1), start, halves);
  budget.spend(seconds(5), 0);
  EXPECT_FALSE(budget.may_spend(start, 0));
  EXPECT_TRUE(budget.may_spend(start, 1));
  budget.spend(milliseconds(500), 1);
  EXPECT_FALSE(budget.may_spend(start, 1));
  EXPECT_TRUE(budget.may_spend(start + seconds(1), 1)) << "the other's debt is none of its own";
}

TEST(CpuBudget, WhatAFullLaneCannotHoldGoesToTheOther) {
  const Clock::time_point start{};
  CpuBudget budget(0.05, seconds(1), start, halves);
  budget.spend(milliseconds(1500), 0);
  EXPECT_FALSE(budget.may_spend(start + seconds(19), 0));
  EXPECT_TRUE(budget.may_spend(start + seconds(21), 0)) << "1 s of debt at the full rate";
  EXPECT_EQ(budget.granted(), milliseconds(1000 + 21 * 50));
}

TEST(CpuBudget, TimeThatRunsBackwardsTakesNothing) {
  const Clock::time_point start{};
  CpuBudget budget(0.05, seconds(1), start, whole);
  budget.spend(seconds(1), 0);
  EXPECT_TRUE(budget.may_spend(start + seconds(1), 0));
  EXPECT_TRUE(budget.may_spend(start, 0));
}

TEST(CpuBudget, ExactModeSpendsAsItLikes) {
  const auto budget = CpuBudget::unlimited();
  budget->spend(seconds(100), 0);
  EXPECT_TRUE(budget->may_spend({}, 0));
}

TEST(CpuBudget, PartsGoByWeight) {
  const Clock::time_point start{};
  constexpr std::array weights = {3.0, 1.0};
  CpuBudget budget(0.05, seconds(1), start, weights);
  budget.spend(milliseconds(749), 0);
  budget.spend(milliseconds(249), 1);
  EXPECT_TRUE(budget.may_spend(start, 0));
  EXPECT_TRUE(budget.may_spend(start, 1));
  budget.spend(milliseconds(1), 0);
  budget.spend(milliseconds(1), 1);
  EXPECT_FALSE(budget.may_spend(start, 0));
  EXPECT_FALSE(budget.may_spend(start, 1));
  // Of the next 40 ms three parts go to the one and a part to the other.
  budget.spend(milliseconds(29), 0);
  budget.spend(milliseconds(9), 1);
  EXPECT_TRUE(budget.may_spend(start + milliseconds(800), 0));
  EXPECT_TRUE(budget.may_spend(start + milliseconds(800), 1));
  EXPECT_EQ(budget.granted(), milliseconds(1040)) << "all lanes together have no more";
}

TEST(CpuBudget, AnotherLimitKeepsWhatWasSavedUpAsFarAsItCanBeHeld) {
  const auto start = Clock::time_point(seconds(100));
  CpuBudget budget(0.05, seconds(1), start, whole);
  budget.limit(0.5, milliseconds(100), start);
  budget.spend(milliseconds(100), 0);
  EXPECT_FALSE(budget.may_spend(start, 0)) << "a second was saved up, and a tenth is kept";
  budget.limit(0.05, seconds(1), start);
  EXPECT_FALSE(budget.may_spend(start, 0)) << "more room is no gift";
  EXPECT_TRUE(budget.may_spend(start + milliseconds(1), 0));
  EXPECT_EQ(budget.granted(), seconds(1) + std::chrono::microseconds(50)) << "never falls";
  budget.lift_limit();
  budget.spend(seconds(100), 0);
  EXPECT_TRUE(budget.may_spend(start, 0));
  budget.limit(0.05, seconds(1), start + milliseconds(1));
  EXPECT_TRUE(budget.may_spend(start + milliseconds(1), 0)) << "nothing was booked meanwhile";
}

}  // namespace
}  // namespace memory_exporter::process
