#include "collectors/process/sampling/policy.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace memory_exporter::process {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Clock::time_point now{hours(10)};

void let_rest(Process& process, WalkMethod method, Clock::time_point until) {
  constexpr double as_long_as_it_held = 1.25;
  const Clock::time_point began{};
  process.readings.stalls.book(method, {.longest_hold = until - began}, as_long_as_it_held, began);
}

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
    process.readings.sample.emplace();
    process.readings.sample->began = now - age;
    process.readings.sample->rollup_cost = microseconds(100);
    process.readings.sample->then.resident = process.resident();
    return process;
  }

  struct Walks {
    std::vector<ReadRequest> quick;
    std::vector<ReadRequest> slow;
  };

  Walks choose() {
    const Moment moment{settings_, pagemap_works_, now, now};
    const auto of = [&](Judge judge) {
      return process::choose(processes_, judge, moment, settings_.pss_max_age, 0);
    };
    return {of(&judge_quick_walk), of(&judge_slow_walk)};
  }

  static std::vector<pid_t> pids(const std::vector<ReadRequest>& walks) {
    std::vector<pid_t> pids;
    for (const auto& walk : walks) pids.push_back(walk.id.pid);
    return pids;
  }

  /// Those that a scrape waits for.
  std::vector<pid_t> chosen() { return pids(choose().quick); }

  using Pids = std::vector<pid_t>;
  std::unordered_map<pid_t, Process> processes_;
  Settings settings_;
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
    process.readings.sample->then.sharers = then;
    process.readings.sample->uss = uss;
    process.readings.sample->memory.pss = Bytes::from_kib(900);
    process.readings.sample->memory.pss_anon = Bytes::from_kib(900 - pss_file_kib_);
    process.readings.sample->memory.pss_file = Bytes::from_kib(pss_file_kib_);
    process.readings.sample->memory.pss_shmem = Bytes{};
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
  dear.readings.sample->rollup_cost = microseconds(600);
  dear.status.resident = Bytes::from_kib(3000);
  EXPECT_EQ(chosen(), (Pids{2, 1, 3}));
}

TEST_F(SamplingPolicyTest, ATargetThatRestsIsLeftAlone) {
  auto& resting = add_sampled(1, 100);
  resting.minor_faults = 5;
  let_rest(resting, WalkMethod::rollup, now + microseconds(1));
  EXPECT_EQ(chosen(), Pids{});
  resting.readings.stalls = {};
  let_rest(resting, WalkMethod::rollup, now);
  EXPECT_EQ(chosen(), Pids{1});
}

TEST_F(SamplingPolicyTest, AWalkInPartsDoesNotWaitForTheRestFromALongHold) {
  auto& giant = add(1, 4 << 20);
  let_rest(giant, WalkMethod::rollup, now + hours(1));
  EXPECT_EQ(pids(choose().slow), Pids{1});
  let_rest(giant, WalkMethod::pagemap, now + microseconds(1));
  EXPECT_EQ(pids(choose().slow), Pids{});
  giant.readings.stalls = {};
  let_rest(giant, WalkMethod::rollup, now + hours(1));
  let_rest(giant, WalkMethod::pagemap, now);
  pagemap_works_ = false;
  EXPECT_EQ(pids(choose().slow), Pids{}) << "the rollup is one long hold";
}

TEST_F(SamplingPolicyTest, InExactModeNobodyRests) {
  settings_.pss_mode = PssMode::exact;
  let_rest(add_sampled(1, 100), WalkMethod::rollup, now + hours(1));
  EXPECT_EQ(chosen(), Pids{1});
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
  add(1, 4 << 20).readings.pagemap_denied_at = now;
  add(2, 4 << 20).status.hugetlb = Bytes{4096};
  for (const auto& walk : choose().slow) EXPECT_EQ(walk.method, WalkMethod::rollup) << walk.id.pid;
  add(3, 4 << 20);
  pagemap_works_ = false;
  ASSERT_EQ(choose().slow.size(), 3u);
  for (const auto& walk : choose().slow) EXPECT_EQ(walk.method, WalkMethod::rollup) << walk.id.pid;
}

TEST_F(SamplingPolicyTest, AGiantOfHugePagesIsQuick) {
  auto& huge = add_sampled(1, 4 << 20);
  huge.readings.sample->rollup_cost = microseconds(700);
  huge.minor_faults = 1;
  EXPECT_EQ(chosen(), Pids{1});
}

TEST_F(SamplingPolicyTest, ADeniedOneIsAskedAgainInTheNextCollections) {
  add(1, 100).readings.denied_at = now - seconds(1);
  for (const bool exact : {false, true}) {
    settings_.pss_mode = exact ? PssMode::exact : PssMode::budgeted;
    processes_[1].readings.walk_failures = tries_in_a_row - 1;
    EXPECT_EQ(chosen(), Pids{1});
    processes_[1].readings.walk_failures = tries_in_a_row;
    EXPECT_EQ(chosen(), Pids{});
  }
}

TEST_F(SamplingPolicyTest, ADeniedPagemapIsTriedAgainOnceAMaxAge) {
  auto& giant = add(1, 4 << 20);
  giant.readings.pagemap_denied_at = now - seconds(59);
  EXPECT_EQ(choose().slow.at(0).method, WalkMethod::rollup);
  giant.readings.pagemap_denied_at = now - seconds(60);
  EXPECT_EQ(choose().slow.at(0).method, WalkMethod::pagemap);
}

TEST_F(SamplingPolicyTest, ADeniedOneIsAskedAgainOnceAMaxAge) {
  add(1, 100).readings.denied_at = now - seconds(59);
  processes_[1].readings.walk_failures = tries_in_a_row;
  EXPECT_EQ(chosen(), Pids{});
  processes_[1].readings.denied_at = now - seconds(60);
  EXPECT_EQ(chosen(), Pids{1});
}

TEST_F(SamplingPolicyTest, TheDeadTheBorrowersAndTheStuckAreLeftAlone) {
  add(1, 100).ended = true;
  add(2, 100).memory_owner = 1;
  add(3, 100).stuck = true;
  EXPECT_EQ(chosen(), Pids{});
}

TEST_F(SamplingPolicyTest, ExactModeWalksEverythingOnce) {
  settings_.pss_mode = PssMode::exact;
  add_sampled(1, 100, seconds(1));
  auto& walked_already = add_sampled(2, 100, seconds(0));
  walked_already.readings.sample->began = now;
  EXPECT_EQ(chosen(), Pids{1});
}

TEST_F(SamplingPolicyTest, CostGrowsWithWhatIsResidentOrSwappedOut) {
  const auto cost = [](const Process& process) {
    return static_cast<double>(expected_rollup_cost(process).count());
  };
  auto& unsampled = add(1, 1 << 19);
  unsampled.status.swap = Bytes::from_kib(1 << 19);
  EXPECT_NEAR(cost(unsampled), 50e3 + 262144 * 40, 1);
  auto& sampled = add_sampled(2, 1 << 10);
  EXPECT_EQ(cost(sampled), 100e3);
  sampled.status.resident = Bytes::from_kib(51 << 10);
  EXPECT_NEAR(cost(sampled), 100e3 + 12800 * 40, 1);
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
  Process& add(pid_t pid) {
    auto& process = processes_[pid];
    process.id = {pid, 1};
    return process;
  }

  Process& add_read(pid_t pid, seconds age) {
    auto& process = add(pid);
    auto mappings = std::make_shared<Reading<MappingsFound>>();
    mappings->began = now - age;
    process.readings.mappings = mappings;
    auto limits = std::make_shared<Reading<LimitsFound>>();
    limits->began = now - age;
    process.readings.limits = limits;
    return process;
  }

  std::vector<pid_t> due(Judge judge = &judge_mappings, std::size_t in_turn = 0,
                         Clock::time_point began = now) {
    std::vector<pid_t> pids;
    const Moment moment{settings_, true, began, now};
    for (const auto& request : choose(processes_, judge, moment, seconds(60), in_turn)) {
      pids.push_back(request.id.pid);
    }
    return pids;
  }

  using Pids = std::vector<pid_t>;
  std::unordered_map<pid_t, Process> processes_;
  Settings settings_{.pss_mappings_max_age = seconds(60)};
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
  let_rest(add_read(1, seconds(70)), WalkMethod::rollup, now + seconds(1));
  add_read(2, seconds(70));
  let_rest(add(3), WalkMethod::rollup, now + seconds(1));
  EXPECT_EQ(due(), Pids{2});
}

TEST_F(ReadingPolicyTest, WhatWalksNoPagesWaitsForNoRest) {
  let_rest(add(1), WalkMethod::rollup, now + hours(1));
  EXPECT_EQ(due(&judge_limits), Pids{1});
}

TEST_F(ReadingPolicyTest, ExactModeReadsAllThatThisCollectionHasNotRead) {
  settings_.pss_mode = PssMode::exact;
  let_rest(add_read(1, seconds(2)), WalkMethod::rollup, now + seconds(80));
  add_read(2, seconds(0));
  EXPECT_EQ(due(&judge_mappings, 0, now - seconds(1)), Pids{1});
}

TEST_F(ReadingPolicyTest, WhoHasNoMemoryOfHisOwnIsLeftOut) {
  add(1).ended = true;
  add(2).memory_owner = 1;
  add(3).stuck = true;
  EXPECT_EQ(due(), Pids{});
}

TEST_F(ReadingPolicyTest, TheOldestAreReadInTurnThoughTheyMayBeOlder) {
  for (pid_t pid = 1; pid <= 8; ++pid) add_read(pid, seconds(20 + pid));
  EXPECT_EQ(due(&judge_mappings, 2), (Pids{8, 7}));
  EXPECT_EQ(due(&judge_mappings, 0), Pids{});
  EXPECT_EQ(due(&judge_mappings, 600).size(), 8u);
}

TEST_F(ReadingPolicyTest, WhatIsYoungIsLeftAloneThoughItsTurnHasCome) {
  for (pid_t pid = 1; pid <= 8; ++pid) add_read(pid, seconds(14));
  EXPECT_EQ(due(&judge_mappings, 8), Pids{});
}

TEST_F(ReadingPolicyTest, NobodyIsOlderThanTheMaxAgeForTheTurnOfOthers) {
  for (pid_t pid = 1; pid <= 8; ++pid) add_read(pid, seconds(60));
  EXPECT_EQ(due(&judge_mappings, 2).size(), 8u);
}

/// All were read at one time, as at the first collection. Once each has had its turn, a collection
/// reads no more than any other, and nobody grows older than the max_age.
TEST_F(ReadingPolicyTest, ReadingsComeDueSpreadOverTheirAge) {
  constexpr std::size_t processes = 600;
  for (pid_t pid = 1; pid <= 600; ++pid) add_read(pid, seconds(0));
  Turns turns;
  EXPECT_EQ(turns.take(processes, now, seconds(60)), 0u);
  for (int at = 5; at <= 600; at += 5) {
    const Moment moment{settings_, true, now + seconds(at), now + seconds(at)};
    const auto in_turn = turns.take(processes, moment.now, seconds(60));
    const auto asked = choose(processes_, &judge_mappings, moment, seconds(60), in_turn);
    // The first round begins when the first are old enough.
    EXPECT_LE(asked.size(), at == 60 ? 150u : 50u) << "after " << at << " s";
    for (const auto& request : asked) add_read(request.id.pid, -seconds(at));
    for (const auto& [pid, process] : processes_) {
      EXPECT_LE(moment.now - process.readings.mappings->began, seconds(60));
    }
  }
}

TEST(Turns, AProcessHasOneInAMaxAgeHoweverOftenIsAsked) {
  Turns turns;
  std::size_t taken = turns.take(7, now, seconds(60));
  for (int ms = 100; ms <= 600'000; ms += 100) {
    taken += turns.take(7, now + milliseconds(ms), seconds(60));
  }
  EXPECT_NEAR(static_cast<double>(taken), 70, 1);
  EXPECT_EQ(turns.take(7, now + hours(10), seconds(60)), 7u) << "after a long pause";
}

}  // namespace
}  // namespace memory_exporter::process
