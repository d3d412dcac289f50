#include "collectors/process/grouping/group_totals.h"

#include <gtest/gtest.h>

#include <utility>

namespace memory_exporter::process {
namespace {

using std::chrono::seconds;

constexpr Clock::time_point start{std::chrono::hours(1)};

class GroupTotalsTest : public ::testing::Test {
 protected:
  static Process process(std::uint64_t resident_kib) {
    Process process;
    process.threads = 2;
    process.status.resident = Bytes::from_kib(resident_kib);
    return process;
  }

  static Sample sample(std::uint64_t pss_kib, std::uint64_t resident_kib) {
    Sample sample;
    sample.began = start;
    sample.memory.pss = Bytes::from_kib(pss_kib);
    sample.then.resident = Bytes::from_kib(resident_kib);
    return sample;
  }

  void count(const Process& process, Clock::time_point now = start) {
    count_process(totals_, process, now);
  }

  /// The sums since the last call.
  GroupTotals take() { return std::exchange(totals_, {}); }

  static Bytes unmeasured(const GroupTotals& totals, Unmeasured reason) {
    return totals.unmeasured[static_cast<std::size_t>(reason)];
  }

 private:
  GroupTotals totals_;
};

TEST_F(GroupTotalsTest, WithoutASamplePssIsAbsentAndTheResidentSetIsUnmeasured) {
  count(process(100));
  const auto totals = take();
  EXPECT_EQ(totals.processes, 1u);
  EXPECT_EQ(totals.threads, 2u);
  EXPECT_FALSE(totals.memory.pss.has_value());
  EXPECT_FALSE(totals.oldest_sample_seconds.has_value());
  EXPECT_EQ(unmeasured(totals, Unmeasured::pending), Bytes::from_kib(100));
}

TEST_F(GroupTotalsTest, TheReasonIsTold) {
  auto denied = process(100);
  denied.readings.denied_at = start;
  auto stuck = process(10);
  stuck.stuck = true;
  count(denied);
  count(stuck);
  const auto totals = take();
  EXPECT_EQ(unmeasured(totals, Unmeasured::denied), Bytes::from_kib(100));
  EXPECT_EQ(unmeasured(totals, Unmeasured::stuck), Bytes::from_kib(10));
  EXPECT_EQ(unmeasured(totals, Unmeasured::pending), Bytes{});
}

TEST_F(GroupTotalsTest, WhatHangsIsUnmeasuredWhateverWasSampledBefore) {
  auto stuck = process(100);
  stuck.readings.sample = sample(80, 100);
  stuck.stuck = true;
  count(stuck);
  const auto totals = take();
  EXPECT_FALSE(totals.memory.pss.has_value());
  EXPECT_FALSE(totals.oldest_sample_seconds.has_value());
  EXPECT_EQ(unmeasured(totals, Unmeasured::stuck), Bytes::from_kib(100));
  EXPECT_EQ(unmeasured(totals, Unmeasured::stale), Bytes{});
}

TEST_F(GroupTotalsTest, GrowthSinceTheSampleIsStaleAndShrinkingIsNot) {
  auto grown = process(150);
  grown.readings.sample = sample(80, 100);
  auto shrunk = process(50);
  shrunk.readings.sample = sample(40, 100);
  count(grown);
  count(shrunk);
  const auto totals = take();
  EXPECT_EQ(totals.memory.pss, Bytes::from_kib(120));
  EXPECT_EQ(unmeasured(totals, Unmeasured::stale), Bytes::from_kib(50));
}

TEST_F(GroupTotalsTest, TheProcessNearestToItsLimitSpeaksForTheGroup) {
  const auto with = [](std::uint64_t stack_kib, std::uint64_t stack_limit_kib) {
    auto one = process(1);
    one.status.stack = Bytes::from_kib(stack_kib);
    auto reading = std::make_shared<Reading<LimitsFound>>();
    reading->found.emplace();
    reading->found->limits.stack = Bytes::from_kib(stack_limit_kib);
    one.readings.limits = std::move(reading);
    return one;
  };
  count(with(132, 8192));
  count(with(100, 200));
  count(with(900, 8192));
  count(with(900, 0));  // no limit that a ratio could be made of
  const auto totals = take();
  EXPECT_EQ(totals.limit_usage.stack, 0.5);
  EXPECT_EQ(totals.limit_usage.data, std::nullopt);
  EXPECT_EQ(totals.limit_usage.address_space, std::nullopt);
  EXPECT_EQ(totals.limit_usage.locked, std::nullopt);
}

TEST_F(GroupTotalsTest, MappingsAddUpWhereAllAreKnown) {
  const auto with = [](std::optional<std::uint64_t> mappings) {
    auto one = process(1);
    auto reading = std::make_shared<Reading<LimitsFound>>();
    reading->found = LimitsFound{{}, mappings};
    one.readings.limits = std::move(reading);
    return one;
  };
  count(with(10));
  count(with(30));
  auto totals = take();
  EXPECT_EQ(totals.mappings, 40u);
  EXPECT_EQ(totals.most_mappings, 30u);

  count(with(10));
  count(with(std::nullopt));  // maps was refused
  count(with(30));
  totals = take();
  EXPECT_EQ(totals.mappings, std::nullopt);
  EXPECT_EQ(totals.most_mappings, 30u);

  count(process(1));  // not read yet
  count(with(30));
  EXPECT_EQ(take().mappings, std::nullopt);
}

TEST_F(GroupTotalsTest, RegionsAddUpAndWhatTheyLeaveOutIsToldAsResident) {
  const auto with = [](std::uint64_t heap_kib, seconds age) {
    auto one = process(100);
    auto reading = std::make_shared<Reading<MappingsFound>>();
    reading->began = start - age;
    MappingTotals totals;
    auto& heap = totals[Region::heap];
    heap.mappings = 1;
    heap.resident = Bytes::from_kib(heap_kib);
    reading->found = MappingsFound{totals, {}};
    one.readings.mappings = std::move(reading);
    return one;
  };
  auto refused = process(7);
  refused.readings.mappings = std::make_shared<Reading<MappingsFound>>();
  count(with(10, seconds(5)));
  count(with(20, seconds(9)));
  count(refused);
  count(process(8));
  const auto regions = take().regions;
  ASSERT_TRUE(regions.totals);
  EXPECT_EQ((*regions.totals)[Region::heap].resident, Bytes::from_kib(30));
  EXPECT_EQ((*regions.totals)[Region::heap].mappings, 2u);
  EXPECT_EQ(regions.unmeasured, Bytes::from_kib(15));
  EXPECT_EQ(regions.oldest_seconds, 9.0);
}

TEST_F(GroupTotalsTest, TheOldestStartAndTheLargestOomScoreAreTheGroups) {
  auto old = process(1);
  old.id.start_time = 300;
  old.oom_score = 660;
  auto young = process(1);
  young.id.start_time = 500;
  young.oom_score = 670;
  auto unknown = process(1);
  unknown.id.start_time = 400;
  for (const auto& one : {young, old, unknown}) count(one);
  const auto totals = take();
  EXPECT_EQ(totals.oldest_start, 300u);
  EXPECT_EQ(totals.oom_score, 670u);
}

TEST_F(GroupTotalsTest, AgeIsThatOfTheOldestSample) {
  auto young = process(1);
  young.readings.sample = sample(1, 1);
  young.readings.sample->began = start + seconds(8);
  auto old = process(1);
  old.readings.sample = sample(1, 1);
  count(old, start + seconds(10));
  count(young, start + seconds(10));
  EXPECT_DOUBLE_EQ(take().oldest_sample_seconds.value(), 10.0);
}

TEST_F(GroupTotalsTest, SwappedSharedMemoryIsWhatVmSwapMisses) {
  auto swapped = process(1);
  swapped.readings.sample = sample(1, 1);
  swapped.readings.sample->memory.swap = Bytes::from_kib(70);
  swapped.readings.sample->then.swap = Bytes::from_kib(50);
  swapped.status.swap = Bytes::from_kib(50);  // or the kernel does not tell
  count(swapped);
  EXPECT_EQ(take().swap_shmem, Bytes::from_kib(20));
}

TEST_F(GroupTotalsTest, AFieldThatOneSampleLacksHasNoSum) {
  auto full = process(1);
  full.readings.sample = sample(5, 1);
  full.readings.sample->memory.swap_pss = Bytes{7};
  auto partial = process(1);
  partial.readings.sample = sample(5, 1);
  count(full);
  count(partial);
  const auto totals = take();
  EXPECT_EQ(totals.memory.pss, Bytes::from_kib(10));
  EXPECT_FALSE(totals.memory.swap_pss.has_value());
}

TEST_F(GroupTotalsTest, BorrowedMemoryIsCountedOnce) {
  auto child = process(100);
  child.memory_owner = 1;
  count(process(100));
  count(child);
  const auto totals = take();
  EXPECT_EQ(totals.processes, 2u);
  EXPECT_EQ(totals.status.resident, Bytes::from_kib(100));
  EXPECT_EQ(unmeasured(totals, Unmeasured::pending), Bytes::from_kib(100));
}

TEST_F(GroupTotalsTest, PeaksAreTheLargestAndTheRestIsSummed) {
  auto a = process(1);
  a.status.resident_peak = Bytes{5};
  a.status.data = Bytes{5};
  auto b = process(1);
  b.status.resident_peak = Bytes{7};
  b.status.data = Bytes{7};
  count(a);
  count(b);
  const auto totals = take();
  EXPECT_EQ(totals.status.resident_peak, Bytes{7});
  EXPECT_EQ(totals.status.data, Bytes{12});
}

}  // namespace
}  // namespace memory_exporter::process
