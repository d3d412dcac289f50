#include "collectors/process/sampling_policy.h"

#include <gtest/gtest.h>

namespace memory_exporter::process {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Clock::time_point now{hours(10)};

class SamplingPolicyTest : public ::testing::Test {
 protected:
  Process& add(pid_t pid, std::uint64_t resident_kib) {
    auto& process = processes_[pid];
    process.id = {pid, 1};
    process.status.resident = Bytes::from_kib(resident_kib);
    return process;
  }

  /// The same, with a sample that is still true.
  Process& add_sampled(pid_t pid, std::uint64_t resident_kib, seconds age = seconds(10)) {
    auto& process = add(pid, resident_kib);
    process.sample.emplace();
    process.sample->began = process.sample->taken = now - age;
    process.sample->cpu = process.sample->held = microseconds(100);
    process.sample->resident = process.resident();
    return process;
  }

  std::vector<pid_t> chosen() {
    std::vector<pid_t> pids;
    for (const auto& walk : choose_walks(processes_, options_, now, now)) {
      pids.push_back(walk.id.pid);
    }
    return pids;
  }

  using Pids = std::vector<pid_t>;
  std::unordered_map<pid_t, Process> processes_;
  Options options_;
};

TEST_F(SamplingPolicyTest, WhatIsUnsampledIsWalkedAndWhatIsUnchangedIsNot) {
  add(1, 100);
  add_sampled(2, 100);
  EXPECT_EQ(chosen(), Pids{1});
}

TEST_F(SamplingPolicyTest, AnyChangeMakesACandidate) {
  add_sampled(1, 100).status.resident = Bytes::from_kib(104);
  add_sampled(2, 100).status.swap = Bytes::from_kib(4);
  add_sampled(3, 100).minor_faults = 1;
  add_sampled(4, 100).neighbours_changed = now;
  add_sampled(5, 100, seconds(61));
  add_sampled(6, 100);
  auto pids = chosen();
  std::sort(pids.begin(), pids.end());
  EXPECT_EQ(pids, (Pids{1, 2, 3, 4, 5}));
}

TEST_F(SamplingPolicyTest, ANeighbourThatChangedBeforeTheSampleBeganIsInIt) {
  add_sampled(1, 100).neighbours_changed = now - seconds(20);
  EXPECT_EQ(chosen(), Pids{});
}

TEST_F(SamplingPolicyTest, TheMostBytesPerCostGoFirst) {
  add_sampled(1, 1000).status.resident = Bytes::from_kib(1400);
  add_sampled(2, 1000).status.resident = Bytes::from_kib(3000);
  // The same growth behind a walk that costs a hundred times as much comes later.
  auto& dear = add_sampled(3, 1000);
  dear.sample->cpu = milliseconds(10);
  dear.status.resident = Bytes::from_kib(3000);
  EXPECT_EQ(chosen(), (Pids{2, 1, 3}));
}

TEST_F(SamplingPolicyTest, ATargetRestsForItsStallBudget) {
  auto& giant = add_sampled(1, 1 << 22, seconds(35));
  giant.sample->held = milliseconds(36);
  giant.minor_faults = 5;
  EXPECT_EQ(chosen(), Pids{});  // 36 ms at 0.1 %: not before 36 s
  giant.sample->began = giant.sample->taken = now - seconds(37);
  EXPECT_EQ(chosen(), Pids{1});
  options_.pss_stall_budget = 0.0001;
  EXPECT_EQ(chosen(), Pids{});
}

TEST_F(SamplingPolicyTest, ADeniedOneIsAskedAgainOnceAMaxAge) {
  add(1, 100).denied_at = now - seconds(59);
  EXPECT_EQ(chosen(), Pids{});
  processes_[1].denied_at = now - seconds(60);
  EXPECT_EQ(chosen(), Pids{1});
}

TEST_F(SamplingPolicyTest, TheDeadTheBorrowersAndTheStuckAreLeftAlone) {
  add(1, 100).ended = true;
  add(2, 100).memory_owner = 1;
  add(3, 100).stuck = true;
  EXPECT_EQ(chosen(), Pids{});
}

TEST_F(SamplingPolicyTest, ExactModeWalksEverythingOnce) {
  options_.pss_mode = PssMode::exact;
  add_sampled(1, 100, seconds(1));
  auto& walked_already = add_sampled(2, 100, seconds(0));
  walked_already.sample->began = now;
  EXPECT_EQ(chosen(), Pids{1});
}

TEST_F(SamplingPolicyTest, CostGrowsWithTheResidentSet) {
  auto& unsampled = add(1, 1 << 20);
  EXPECT_NEAR(static_cast<double>(expected_cost(unsampled).count()), 10e6, 1e6);
  auto& doubled = add_sampled(2, 1000);
  doubled.status.resident = Bytes::from_kib(2000);
  EXPECT_EQ(expected_cost(doubled), microseconds(200));
}

}  // namespace
}  // namespace memory_exporter::process
