#include "collectors/process/sampling/sampler.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "collectors/process/sampling/rollup_reader.h"
#include "tests/process/fake_process.h"

namespace memory_exporter::process {
namespace {

using memory_exporter::testing::TempTree;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

WalkRequest request(pid_t pid) {
  WalkRequest request;
  request.id = {pid, 1};
  request.memory_thread = pid;
  return request;
}

/// A sampler's clock that a test can push forward.
class PushedClock {
 public:
  Now now() {
    return [ahead = ahead_] { return Clock::now() + ahead->load(); };
  }
  void push(nanoseconds by) { ahead_->store(ahead_->load() + by); }

 private:
  std::shared_ptr<std::atomic<nanoseconds>> ahead_ =
      std::make_shared<std::atomic<nanoseconds>>(nanoseconds::zero());
};

TEST(CpuBudget, StartsFullAndRefillsAtItsRate) {
  const Clock::time_point start{};
  CpuBudget budget(0.05, seconds(1), start);
  EXPECT_TRUE(budget.may_spend(start));
  budget.spend(seconds(1));
  EXPECT_FALSE(budget.may_spend(start));
  EXPECT_TRUE(budget.may_spend(start + seconds(1)));
  EXPECT_EQ(budget.granted(), seconds(1) + milliseconds(50));
}

TEST(CpuBudget, ADebtIsPaidBeforeTheNextWalk) {
  const Clock::time_point start{};
  CpuBudget budget(0.05, seconds(1), start);
  budget.spend(seconds(2));
  EXPECT_FALSE(budget.may_spend(start + seconds(19)));
  EXPECT_TRUE(budget.may_spend(start + seconds(21)));
}

TEST(CpuBudget, NeverHoldsMoreThanItsBurst) {
  const Clock::time_point start{};
  CpuBudget budget(0.05, seconds(1), start);
  EXPECT_TRUE(budget.may_spend(start + std::chrono::hours(10)));
  EXPECT_EQ(budget.granted(), seconds(1));
}

TEST(CpuBudget, NoLaneSpendsWhatIsAnothers) {
  const Clock::time_point start{};
  CpuBudget budget(0.05, seconds(1), start, 2);
  budget.spend(seconds(5), 0);
  EXPECT_FALSE(budget.may_spend(start, 0));
  EXPECT_TRUE(budget.may_spend(start, 1));
  budget.spend(milliseconds(500), 1);
  EXPECT_FALSE(budget.may_spend(start, 1));
  EXPECT_TRUE(budget.may_spend(start + seconds(1), 1)) << "the other's debt is none of its own";
}

TEST(CpuBudget, WhatAFullLaneCannotHoldGoesToTheOther) {
  const Clock::time_point start{};
  CpuBudget budget(0.05, seconds(1), start, 2);
  budget.spend(milliseconds(1500), 0);
  EXPECT_FALSE(budget.may_spend(start + seconds(19), 0));
  EXPECT_TRUE(budget.may_spend(start + seconds(21), 0)) << "1 s of debt at the full rate";
  EXPECT_EQ(budget.granted(), milliseconds(1000 + 21 * 50));
}

TEST(CpuBudget, TimeThatRunsBackwardsTakesNothing) {
  const Clock::time_point start{};
  CpuBudget budget(0.05, seconds(1), start);
  budget.spend(seconds(1));
  EXPECT_TRUE(budget.may_spend(start + seconds(1)));
  EXPECT_TRUE(budget.may_spend(start));
}

TEST(CpuBudget, ExactModeSpendsAsItLikes) {
  const auto budget = CpuBudget::unlimited();
  budget->spend(seconds(100));
  EXPECT_TRUE(budget->may_spend({}));
}

class SamplerTest : public ::testing::Test {
 protected:
  /// A file whose opening hangs, as a read under a lock held for writing does.
  void make_hanging(const char* path) {
    procfs_.write(std::string(path) + ".folder", "");
    ASSERT_EQ(::mkfifo(procfs_.path(path).c_str(), 0600), 0);
  }

  void release(const char* path) {
    // Opening for writing lets the reader go; closing gives it end of file.
    ::close(::open(procfs_.path(path).c_str(), O_WRONLY));
  }

  /// Lets time fly until so many reads hang: a thread may be slow to begin its own.
  static void await_stuck(Sampler<MemoryWalk>& sampler, PushedClock& clock, std::size_t reads) {
    for (int tries = 0; tries < 2000 && sampler.stuck().size() < reads; ++tries) {
      std::this_thread::sleep_for(milliseconds(5));
      clock.push(seconds(3));
    }
    ASSERT_EQ(sampler.stuck().size(), reads);
  }

  static Sampler<MemoryWalk>::Settings settings(
      Now now = &Clock::now, std::shared_ptr<CpuBudget> budget = CpuBudget::unlimited()) {
    return {[](const procfs::Tree& procfs) { return std::make_unique<RollupReader>(procfs); },
            std::move(budget), 0, std::move(now)};
  }

  TempTree procfs_;
  procfs::Tree tree_ = procfs_.open();
};

TEST_F(SamplerTest, ReadsInTheOrderGiven) {
  for (const int pid : {10, 11, 12}) FakeProcess{.pid = pid}.write(procfs_);
  Sampler<MemoryWalk> sampler(tree_, settings());
  sampler.submit({request(12), request(10), request(11)});
  sampler.wait(seconds(10));
  const auto walks = sampler.take();
  ASSERT_EQ(walks.size(), 3u);
  EXPECT_EQ(walks[0].request.id.pid, 12);
  EXPECT_EQ(walks[2].request.id.pid, 11);
  ASSERT_TRUE(walks[0].payload);
  EXPECT_EQ(walks[0].payload->memory.pss, Bytes::from_kib(650));
  EXPECT_EQ(sampler.cost().reads, 3u);
  EXPECT_TRUE(sampler.take().empty());
}

TEST_F(SamplerTest, WithoutARollupItAddsUpSmaps) {
  procfs_.write("10/smaps",
                "400-500 r-xp 00 00:00 0 /a\nPss: 4 kB\n500-600 rw-p 0 0:0 0\nPss: 8 kB\n");
  Sampler<MemoryWalk> sampler(tree_, settings());
  sampler.submit({request(10)});
  sampler.wait(seconds(10));
  const auto walks = sampler.take();
  ASSERT_EQ(walks.size(), 1u);
  ASSERT_TRUE(walks[0].payload) << walks[0].payload.error().message();
  EXPECT_EQ(walks[0].payload->memory.pss, Bytes::from_kib(12));
}

TEST_F(SamplerTest, AVanishedProcessComesBackAsAnError) {
  Sampler<MemoryWalk> sampler(tree_, settings());
  sampler.submit({request(10)});
  sampler.wait(seconds(10));
  const auto walks = sampler.take();
  ASSERT_EQ(walks.size(), 1u);
  ASSERT_FALSE(walks[0].payload);
  EXPECT_EQ(walks[0].payload.error().kind, ErrorKind::vanished);
}

TEST_F(SamplerTest, AnEmptyBudgetDefersWhatIsLeft) {
  for (const int pid : {10, 11}) FakeProcess{.pid = pid}.write(procfs_);
  // One nanosecond: the first walk may begin, and spends more than that.
  Sampler<MemoryWalk> sampler(
      tree_,
      settings(&Clock::now, std::make_shared<CpuBudget>(1e-12, nanoseconds(1), Clock::now())));
  sampler.submit({request(10), request(11)});
  sampler.wait(seconds(10));
  EXPECT_EQ(sampler.take().size(), 1u);
  EXPECT_EQ(sampler.cost().deferred, 1u);
}

TEST_F(SamplerTest, AHungReadIsReplacedAndReportedAndNeverWaitedFor) {
  make_hanging("10/smaps_rollup");
  FakeProcess{.pid = 11}.write(procfs_);
  PushedClock clock;
  const auto began = Clock::now();
  {
    Sampler<MemoryWalk> sampler(tree_, settings(clock.now()));
    sampler.submit({request(10), request(11)});
    sampler.wait(milliseconds(50));
    EXPECT_TRUE(sampler.stuck().empty());
    await_stuck(sampler, clock, 1);
    ASSERT_EQ(sampler.stuck(), std::vector<ProcessId>{request(10).id});
    sampler.wait(seconds(10));  // the replacement reads on
    const auto walks = sampler.take();
    ASSERT_EQ(walks.size(), 1u);
    EXPECT_EQ(walks[0].request.id.pid, 11);
    EXPECT_EQ(sampler.stuck().size(), 1u);
  }
  EXPECT_LT(Clock::now() - began, seconds(5));
  release("10/smaps_rollup");
}

TEST_F(SamplerTest, AHungReadThatComesBackIsNoLongerStuck) {
  make_hanging("10/smaps_rollup");
  PushedClock clock;
  Sampler<MemoryWalk> sampler(tree_, settings(clock.now()));
  sampler.submit({request(10)});
  await_stuck(sampler, clock, 1);
  release("10/smaps_rollup");
  for (int i = 0; i < 1000 && !sampler.stuck().empty(); ++i) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_TRUE(sampler.stuck().empty());
  const auto walks = sampler.take();
  ASSERT_EQ(walks.size(), 1u);
  EXPECT_GE(walks[0].ended - walks[0].began, seconds(3));
  EXPECT_LT(walks[0].cost.longest_hold, seconds(1)) << "it waited, and held nothing";
  FakeProcess{.pid = 11}.write(procfs_);
  sampler.submit({request(11)});
  sampler.wait(seconds(10));
  EXPECT_FALSE(sampler.take().empty());
}

TEST_F(SamplerTest, WhenEveryThreadHangsTheScrapeGoesOn) {
  const std::vector<const char*> files = {"10/smaps_rollup", "11/smaps_rollup", "12/smaps_rollup"};
  for (const auto* file : files) make_hanging(file);
  FakeProcess{.pid = 13}.write(procfs_);
  PushedClock clock;
  {
    Sampler<MemoryWalk> sampler(tree_, settings(clock.now()));
    sampler.submit({request(10), request(11), request(12), request(13)});
    await_stuck(sampler, clock, 3);
    const auto began = Clock::now();
    sampler.wait(seconds(30));
    EXPECT_LT(Clock::now() - began, seconds(10));
    EXPECT_EQ(sampler.stuck().size(), 3u);
  }
  for (const auto* file : files) release(file);
}

/// Needs three parts, and says how many calls it took to read them.
class PartReader final : public WalkReader<int> {
 public:
  std::optional<Result<int>> read(const WalkRequest& request, WalkControl& control) override {
    if (!request.goes_on) parts_ = calls_ = 0;
    ++calls_;
    while (++parts_ < 3) {
      if (!control.pause(nanoseconds(1))) return std::nullopt;
    }
    return Result<int>(calls_);
  }

 private:
  int parts_ = 0;
  int calls_ = 0;
};

TEST_F(SamplerTest, AReadThatTheBudgetCutsGoesOnWhereItWas) {
  auto budget = std::make_shared<CpuBudget>(1e-12, seconds(100), Clock::now());
  budget->spend(seconds(100) - nanoseconds(1));  // enough for one part
  Sampler<int> sampler(tree_, {[](const procfs::Tree&) { return std::make_unique<PartReader>(); },
                               budget, 0, &Clock::now});
  sampler.submit({request(10), request(11)});
  sampler.wait(seconds(10));
  EXPECT_TRUE(sampler.take().empty());
  EXPECT_EQ(sampler.cost().deferred, 2u);

  const auto refunded = Clock::now();
  budget->spend(-seconds(50));
  sampler.submit({request(11), request(10)});  // the one that was cut goes first all the same
  sampler.wait(seconds(10));
  const auto walks = sampler.take();
  ASSERT_EQ(walks.size(), 2u);
  EXPECT_EQ(walks[0].request.id.pid, 10);
  EXPECT_EQ(*walks[0].payload, 2);
  EXPECT_LT(walks[0].began, refunded);
  EXPECT_EQ(walks[1].request.id.pid, 11);
  EXPECT_EQ(*walks[1].payload, 1);
  EXPECT_GE(walks[1].began, refunded);
}

}  // namespace
}  // namespace memory_exporter::process
