#include "collectors/process/sampling/sampling_policy.h"

#include <gtest/gtest.h>

#include <map>

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
    process.status.swap = Bytes{};  // told, or pagemap is no way to read it
    process.status.hugetlb = Bytes{};
    return process;
  }

  /// The same, with a sample that is still true.
  Process& add_sampled(pid_t pid, std::uint64_t resident_kib, seconds age = seconds(10)) {
    auto& process = add(pid, resident_kib);
    process.sample.emplace();
    process.sample->began = now - age;
    process.sample->rollup_cost = microseconds(100);
    process.sample->resident = process.resident();
    return process;
  }

  ChosenWalks choose() { return choose_walks(processes_, options_, pagemap_works_, now, now); }

  static std::vector<pid_t> pids(const std::vector<WalkRequest>& walks) {
    std::vector<pid_t> pids;
    for (const auto& walk : walks) pids.push_back(walk.id.pid);
    return pids;
  }

  /// Those that a scrape waits for.
  std::vector<pid_t> chosen() { return pids(choose().quick); }

  using Pids = std::vector<pid_t>;
  std::unordered_map<pid_t, Process> processes_;
  Options options_;
  bool pagemap_works_ = true;
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
  add_sampled(4, 100).relatives_changed = now;
  add_sampled(5, 100, seconds(61));
  add_sampled(6, 100);
  auto changed = chosen();
  std::sort(changed.begin(), changed.end());
  EXPECT_EQ(changed, (Pids{1, 2, 3, 4, 5}));
}

TEST_F(SamplingPolicyTest, ARelativeThatChangedBeforeTheSampleBeganIsInIt) {
  add_sampled(1, 100).relatives_changed = now - seconds(20);
  EXPECT_EQ(chosen(), Pids{});
}

/// Whether a process is walked again because `then` processes ran its executable at its sample, and
/// `since` do.
class SharersTest : public SamplingPolicyTest {
 protected:
  bool walked(std::uint64_t then, std::uint64_t since, OptionalBytes uss = Bytes::from_kib(900)) {
    processes_.clear();
    auto& process = add_sampled(1, 1000);
    process.sharers = since;
    process.sample->sharers = then;
    process.sample->uss = uss;
    process.sample->memory.pss = Bytes::from_kib(900);
    process.sample->memory.pss_anon = Bytes::from_kib(900 - pss_file_kib_);
    process.sample->memory.pss_file = Bytes::from_kib(pss_file_kib_);
    process.sample->memory.pss_shmem = Bytes{};
    return !chosen().empty();
  }

  std::uint64_t pss_file_kib_ = 100;
};

TEST_F(SharersTest, OneMoreOrLessAmongFewIsWorthAWalk) {
  EXPECT_TRUE(walked(1, 2));
  EXPECT_TRUE(walked(2, 1));
  EXPECT_TRUE(walked(10, 11));
}

TEST_F(SharersTest, OneMoreAmongHundredsIsNotUntilTheyAddUp) {
  EXPECT_FALSE(walked(500, 501));
  EXPECT_FALSE(walked(501, 500));
  EXPECT_TRUE(walked(500, 550));
}

TEST_F(SharersTest, AsManyEndedAsStartedMovesNothing) {
  EXPECT_FALSE(walked(3, 3));
}

TEST_F(SharersTest, WhatIsPrivateAndOfNoFileIsNotMoved) {
  pss_file_kib_ = 0;
  EXPECT_FALSE(walked(1, 2));
  EXPECT_TRUE(walked(2, 1, Bytes::from_kib(800))) << "a part is shared";
  EXPECT_TRUE(walked(1, 2, std::nullopt)) << "it may all be shared";
}

TEST_F(SamplingPolicyTest, TheMostBytesPerCostGoFirst) {
  add_sampled(1, 1000).status.resident = Bytes::from_kib(1400);
  add_sampled(2, 1000).status.resident = Bytes::from_kib(3000);
  // The same growth behind a walk that costs six times as much comes later.
  auto& dear = add_sampled(3, 1000);
  dear.sample->rollup_cost = microseconds(600);
  dear.status.resident = Bytes::from_kib(3000);
  EXPECT_EQ(chosen(), (Pids{2, 1, 3}));
}

TEST_F(SamplingPolicyTest, ATargetThatRestsIsLeftAlone) {
  auto& resting = add_sampled(1, 100);
  resting.minor_faults = 5;
  resting.rests_from_holds_until = now + microseconds(1);
  EXPECT_EQ(chosen(), Pids{});
  resting.rests_from_holds_until = now;
  EXPECT_EQ(chosen(), Pids{1});
}

TEST_F(SamplingPolicyTest, AWalkInPartsDoesNotWaitForTheRestFromALongHold) {
  auto& giant = add(1, 4 << 20);
  giant.rests_from_holds_until = now + hours(1);
  EXPECT_EQ(pids(choose().slow), Pids{1});
  giant.rests_from_parts_until = now + microseconds(1);
  EXPECT_EQ(pids(choose().slow), Pids{});
  giant.rests_from_parts_until = now;
  pagemap_works_ = false;
  EXPECT_EQ(pids(choose().slow), Pids{}) << "the rollup is one long hold";
}

TEST_F(SamplingPolicyTest, InExactModeNobodyRests) {
  options_.pss_mode = PssMode::exact;
  add_sampled(1, 100).rests_from_holds_until = now + hours(1);
  EXPECT_EQ(chosen(), Pids{1});
}

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

TEST_F(SamplingPolicyTest, AGiantIsWalkedInPartsAndDelaysNoScrape) {
  add(1, 4 << 20);
  add(2, 100);
  const auto walks = choose();
  EXPECT_EQ(pids(walks.quick), Pids{2});
  ASSERT_EQ(pids(walks.slow), Pids{1});
  EXPECT_EQ(walks.slow[0].method, WalkMethod::pagemap);
}

TEST_F(SamplingPolicyTest, WhereNoPagemapHelpsAGiantIsReadInOne) {
  add(1, 4 << 20).pagemap_denied = true;
  add(2, 4 << 20).status.hugetlb = Bytes{4096};
  for (const auto& walk : choose().slow) EXPECT_EQ(walk.method, WalkMethod::rollup) << walk.id.pid;
  add(3, 4 << 20);
  pagemap_works_ = false;
  ASSERT_EQ(choose().slow.size(), 3u);
  for (const auto& walk : choose().slow) EXPECT_EQ(walk.method, WalkMethod::rollup) << walk.id.pid;
}

TEST_F(SamplingPolicyTest, AGiantOfHugePagesIsQuick) {
  auto& huge = add_sampled(1, 4 << 20);
  huge.sample->rollup_cost = microseconds(700);
  huge.minor_faults = 1;
  EXPECT_EQ(chosen(), Pids{1});
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

TEST_F(SamplingPolicyTest, CostGrowsWithWhatIsResidentOrSwappedOut) {
  const auto cost = [](const Process& process) {
    return static_cast<double>(expected_rollup_cost(process).count());
  };
  auto& unsampled = add(1, 1 << 19);
  unsampled.status.swap = Bytes::from_kib(1 << 19);
  EXPECT_NEAR(cost(unsampled), 10e6, 1e5);
  auto& sampled = add_sampled(2, 1 << 10);
  EXPECT_EQ(cost(sampled), 100e3);
  sampled.status.resident = Bytes::from_kib(51 << 10);
  EXPECT_NEAR(cost(sampled), 100e3 + 50.0 / 1024 * 10e6, 1e3);
  sampled.status.resident = Bytes::from_kib(1 << 9);
  EXPECT_EQ(cost(sampled), 50e3);
}

TEST_F(SamplingPolicyTest, WhatIsWorthLittleComesToItsTurn) {
  auto& small = add(1, 1000);
  small.first_seen = now;
  auto& busy = add_sampled(2, 100 << 10);
  busy.minor_faults = 1 << 20;
  EXPECT_EQ(chosen(), (Pids{2, 1}));
  small.first_seen = now - hours(2);
  EXPECT_EQ(chosen(), (Pids{1, 2}));
}

class ReadingPolicyTest : public ::testing::Test {
 protected:
  void add(pid_t pid) { processes_[pid].id = {pid, 1}; }

  void add_read(pid_t pid, seconds age) {
    add(pid);
    last_read_[pid] = now - age;
  }

  std::vector<pid_t> due(Clock::time_point began = now) {
    const auto last = [this](const Process& process) -> std::optional<Clock::time_point> {
      const auto read = last_read_.find(process.id.pid);
      return read == last_read_.end() ? std::nullopt : std::optional(read->second);
    };
    std::vector<pid_t> pids;
    for (const auto& request : choose_readings(processes_, last, policy_, began, now)) {
      pids.push_back(request.id.pid);
    }
    return pids;
  }

  using Pids = std::vector<pid_t>;
  std::unordered_map<pid_t, Process> processes_;
  std::map<pid_t, Clock::time_point> last_read_;
  ReadingPolicy policy_{.max_age = seconds(60), .exact = false};
};

TEST_F(ReadingPolicyTest, ThoseNeverReadComeFirstThenTheOldest) {
  add_read(1, seconds(70));
  add_read(2, seconds(59));
  add_read(3, seconds(80));
  add(4);
  add_read(5, seconds(60));
  EXPECT_EQ(due(), (Pids{4, 3, 1, 5}));
}

TEST_F(ReadingPolicyTest, ATargetThatRestsIsLeftAlone) {
  add_read(1, seconds(70));
  add_read(2, seconds(70));
  add(3);
  processes_[1].rests_from_holds_until = now + seconds(1);
  processes_[3].rests_from_holds_until = now + seconds(1);
  EXPECT_EQ(due(), Pids{2});
}

TEST_F(ReadingPolicyTest, WhatWalksNoPagesWaitsForNoRest) {
  policy_.walks_pages = false;
  add(1);
  processes_[1].rests_from_holds_until = now + hours(1);
  EXPECT_EQ(due(), Pids{1});
}

TEST_F(ReadingPolicyTest, ExactModeReadsAllThatThisCollectionHasNotRead) {
  policy_.exact = true;
  add_read(1, seconds(2));
  processes_[1].rests_from_holds_until = now + seconds(80);
  add_read(2, seconds(0));
  EXPECT_EQ(due(now - seconds(1)), Pids{1});
}

TEST_F(ReadingPolicyTest, WhoHasNoMemoryOfHisOwnIsLeftOut) {
  add(1);
  processes_[1].ended = true;
  add(2);
  processes_[2].memory_owner = 1;
  add(3);
  processes_[3].stuck = true;
  EXPECT_EQ(due(), Pids{});
}

}  // namespace
}  // namespace memory_exporter::process
