#include "collectors/process/grouping/groups.h"

#include <gtest/gtest.h>

namespace memory_exporter::process {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr Clock::time_point start{std::chrono::hours(1)};

class GroupsTest : public ::testing::Test {
 protected:
  Process process(std::uint64_t resident_kib) {
    Process process;
    process.threads = 2;
    process.group = &groups_.at({"app"}, start);
    process.status.resident = Bytes::from_kib(resident_kib);
    return process;
  }

  static Sample sample(std::uint64_t pss_kib, std::uint64_t resident_kib) {
    Sample sample;
    sample.began = start;
    sample.memory.pss = Bytes::from_kib(pss_kib);
    sample.resident = Bytes::from_kib(resident_kib);
    return sample;
  }

  GroupTotals publish(Clock::time_point now = start) {
    auto published = groups_.publish(now);
    EXPECT_EQ(published.size(), 1u);
    return published.at(0).totals;
  }

  static Bytes unmeasured(const GroupTotals& totals, Unmeasured reason) {
    return totals.unmeasured[static_cast<std::size_t>(reason)];
  }

  Groups groups_;
};

TEST_F(GroupsTest, WithoutASamplePssIsAbsentAndTheResidentSetIsUnmeasured) {
  groups_.add(process(100), start);
  const auto totals = publish();
  EXPECT_EQ(totals.processes, 1u);
  EXPECT_EQ(totals.threads, 2u);
  EXPECT_FALSE(totals.memory.pss.has_value());
  EXPECT_FALSE(totals.oldest_sample_seconds.has_value());
  EXPECT_EQ(unmeasured(totals, Unmeasured::pending), Bytes::from_kib(100));
}

TEST_F(GroupsTest, TheReasonIsTold) {
  auto denied = process(100);
  denied.denied_at = start;
  auto stuck = process(10);
  stuck.stuck = true;
  groups_.add(denied, start);
  groups_.add(stuck, start);
  const auto totals = publish();
  EXPECT_EQ(unmeasured(totals, Unmeasured::denied), Bytes::from_kib(100));
  EXPECT_EQ(unmeasured(totals, Unmeasured::stuck), Bytes::from_kib(10));
  EXPECT_EQ(unmeasured(totals, Unmeasured::pending), Bytes{});
}

TEST_F(GroupsTest, GrowthSinceTheSampleIsStaleAndShrinkingIsNot) {
  auto grown = process(150);
  grown.sample = sample(80, 100);
  auto shrunk = process(50);
  shrunk.sample = sample(40, 100);
  groups_.add(grown, start);
  groups_.add(shrunk, start);
  const auto totals = publish();
  EXPECT_EQ(totals.memory.pss, Bytes::from_kib(120));
  EXPECT_EQ(unmeasured(totals, Unmeasured::stale), Bytes::from_kib(50));
}

TEST_F(GroupsTest, TheProcessNearestToItsLimitSpeaksForTheGroup) {
  const auto with = [this](std::uint64_t stack_kib, std::uint64_t stack_limit_kib) {
    auto one = process(1);
    one.status.stack = Bytes::from_kib(stack_kib);
    auto reading = std::make_shared<Reading<LimitsFound>>();
    reading->found.emplace();
    reading->found->limits.stack = Bytes::from_kib(stack_limit_kib);
    one.limits = std::move(reading);
    return one;
  };
  groups_.add(with(132, 8192), start);
  groups_.add(with(100, 200), start);
  groups_.add(with(900, 8192), start);
  groups_.add(with(900, 0), start);  // no limit that a ratio could be made of
  const auto totals = publish();
  EXPECT_EQ(totals.limit_usage.stack, 0.5);
  EXPECT_EQ(totals.limit_usage.data, std::nullopt);
  EXPECT_EQ(totals.limit_usage.address_space, std::nullopt);
  EXPECT_EQ(totals.limit_usage.locked, std::nullopt);
}

TEST_F(GroupsTest, MappingsAddUpWhereAllAreKnown) {
  const auto with = [this](std::optional<std::uint64_t> mappings) {
    auto one = process(1);
    auto reading = std::make_shared<Reading<LimitsFound>>();
    reading->found = LimitsFound{{}, mappings};
    one.limits = std::move(reading);
    return one;
  };
  groups_.add(with(10), start);
  groups_.add(with(30), start);
  auto totals = publish();
  EXPECT_EQ(totals.mappings, 40u);
  EXPECT_EQ(totals.most_mappings, 30u);

  groups_.add(with(10), start);
  groups_.add(with(std::nullopt), start);  // maps was refused
  groups_.add(with(30), start);
  totals = publish();
  EXPECT_EQ(totals.mappings, std::nullopt);
  EXPECT_EQ(totals.most_mappings, 30u);

  groups_.add(process(1), start);  // not read yet
  groups_.add(with(30), start);
  EXPECT_EQ(publish().mappings, std::nullopt);
}

TEST_F(GroupsTest, RegionsAddUpAndWhatTheyLeaveOutIsToldAsResident) {
  const auto with = [this](std::uint64_t heap_kib, seconds age) {
    auto one = process(100);
    auto reading = std::make_shared<Reading<MappingsFound>>();
    reading->began = start - age;
    MappingTotals totals;
    auto& heap = totals[Region::heap];
    heap.mappings = 1;
    heap.resident = Bytes::from_kib(heap_kib);
    reading->found = MappingsFound{totals, {}};
    one.mappings = std::move(reading);
    return one;
  };
  auto refused = process(7);
  refused.mappings = std::make_shared<Reading<MappingsFound>>();
  groups_.add(with(10, seconds(5)), start);
  groups_.add(with(20, seconds(9)), start);
  groups_.add(refused, start);
  groups_.add(process(8), start);
  const auto regions = publish().regions;
  ASSERT_TRUE(regions.totals);
  EXPECT_EQ((*regions.totals)[Region::heap].resident, Bytes::from_kib(30));
  EXPECT_EQ((*regions.totals)[Region::heap].mappings, 2u);
  EXPECT_EQ(regions.unmeasured, Bytes::from_kib(15));
  EXPECT_EQ(regions.oldest_seconds, 9.0);
}

TEST_F(GroupsTest, TheOldestStartAndTheLargestOomScoreAreTheGroups) {
  auto old = process(1);
  old.id.start_time = 300;
  old.oom_score = 660;
  auto young = process(1);
  young.id.start_time = 500;
  young.oom_score = 670;
  auto unknown = process(1);
  unknown.id.start_time = 400;
  for (const auto& one : {young, old, unknown}) groups_.add(one, start);
  const auto totals = publish();
  EXPECT_EQ(totals.oldest_start, 300u);
  EXPECT_EQ(totals.oom_score, 670u);
}

TEST_F(GroupsTest, AGroupWithoutProcessesHasNoStartAndNoScore) {
  groups_.at({"app"}, start);
  const auto totals = publish();
  EXPECT_EQ(totals.oldest_start, std::nullopt);
  EXPECT_EQ(totals.oom_score, std::nullopt);
}

TEST_F(GroupsTest, AgeIsThatOfTheOldestSample) {
  auto young = process(1);
  young.sample = sample(1, 1);
  young.sample->began = start + seconds(8);
  auto old = process(1);
  old.sample = sample(1, 1);
  groups_.add(old, start + seconds(10));
  groups_.add(young, start + seconds(10));
  EXPECT_DOUBLE_EQ(publish().oldest_sample_seconds.value(), 10.0);
}

TEST_F(GroupsTest, SwappedSharedMemoryIsWhatVmSwapMisses) {
  auto swapped = process(1);
  swapped.sample = sample(1, 1);
  swapped.sample->memory.swap = Bytes::from_kib(70);
  swapped.sample->swap = Bytes::from_kib(50);
  groups_.add(swapped, start);
  EXPECT_EQ(publish().swap_shmem, Bytes::from_kib(20));
}

TEST_F(GroupsTest, AFieldThatOneSampleLacksHasNoSum) {
  auto full = process(1);
  full.sample = sample(5, 1);
  full.sample->memory.swap_pss = Bytes{7};
  auto partial = process(1);
  partial.sample = sample(5, 1);
  groups_.add(full, start);
  groups_.add(partial, start);
  const auto totals = publish();
  EXPECT_EQ(totals.memory.pss, Bytes::from_kib(10));
  EXPECT_FALSE(totals.memory.swap_pss.has_value());
}

TEST_F(GroupsTest, BorrowedMemoryIsCountedOnce) {
  auto child = process(100);
  child.memory_owner = 1;
  groups_.add(process(100), start);
  groups_.add(child, start);
  const auto totals = publish();
  EXPECT_EQ(totals.processes, 2u);
  EXPECT_EQ(totals.status.resident, Bytes::from_kib(100));
  EXPECT_EQ(unmeasured(totals, Unmeasured::pending), Bytes::from_kib(100));
}

TEST_F(GroupsTest, PeaksAreTheLargestAndTheRestIsSummed) {
  auto a = process(1);
  a.status.resident_peak = Bytes{5};
  a.status.data = Bytes{5};
  auto b = process(1);
  b.status.resident_peak = Bytes{7};
  b.status.data = Bytes{7};
  groups_.add(a, start);
  groups_.add(b, start);
  const auto totals = publish();
  EXPECT_EQ(totals.status.resident_peak, Bytes{7});
  EXPECT_EQ(totals.status.data, Bytes{12});
}

TEST_F(GroupsTest, AnEmptyGroupKeepsItsCountersForAWhile) {
  groups_.at({"app"}, start).add_faults(5, 1);
  groups_.add(process(1), start);
  EXPECT_EQ(publish().minor_faults, 5u);
  const auto empty = publish(start + minutes(10));
  EXPECT_EQ(empty.processes, 0u);
  EXPECT_EQ(empty.minor_faults, 5u);
  EXPECT_FALSE(empty.status.resident.has_value());
  EXPECT_TRUE(groups_.publish(start + minutes(16)).empty());
}

}  // namespace
}  // namespace memory_exporter::process
