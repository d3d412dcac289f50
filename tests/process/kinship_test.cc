// Who shares memory with whom: with kcmp, for which a table of made-up mms stands here, and
// without.
#include "collectors/process/table/kinship.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>
#include <string>
#include <utility>

#include "collectors/process/table/process_table.h"
#include "tests/process/fake_process.h"

namespace memory_exporter::process {
namespace {

using memory_exporter::testing::TempTree;
using std::chrono::seconds;

constexpr std::uint64_t forked = 0x400040;
constexpr std::uint64_t execed = 0x400000;

class KinshipTest : public ::testing::Test {
 protected:
  void refresh() {
    now_ += seconds(1);
    ASSERT_TRUE(table_.refresh(now_));
  }

  /// On the mm of that number; 0: one that may not be compared.
  void run(const FakeProcess& process, int mm = 0) {
    process.write(procfs_);
    mms_.erase(process.pid);
    if (mm != 0) mms_[process.pid] = mm;
  }
  void end(pid_t pid) {
    procfs_.remove(std::to_string(pid));
    mms_.erase(pid);
  }

  Process& process(pid_t pid) { return table_.processes().at(pid); }
  void measure(pid_t pid) {
    auto& sample = process(pid).readings.sample.emplace();
    sample.began = now_;
    sample.then.resident = Bytes{4711};
    sample.then.faults = process(pid).faults();
  }
  std::optional<pid_t> owner(pid_t pid) { return process(pid).memory_owner; }
  std::uint64_t unknown() { return table_.others().sharing_unknown; }

  MemoryOrder compare(pid_t a, pid_t b) {
    ++comparisons_;
    if (before_comparison_) std::exchange(before_comparison_, nullptr)();
    if (!mms_.contains(a) || !mms_.contains(b)) return MemoryOrder::unknown;
    if (mms_[a] == mms_[b]) return MemoryOrder::same;
    return mms_[a] < mms_[b] ? MemoryOrder::before : MemoryOrder::after;
  }

  TempTree procfs_;
  procfs::Tree tree_ = procfs_.open();
  Clock::time_point now_{std::chrono::hours(1)};
  std::map<pid_t, int> mms_;
  int comparisons_ = 0;
  std::function<void()> before_comparison_;
  ProcessTable table_{tree_,
                      {false, seconds(60), [this](pid_t a, pid_t b) { return compare(a, b); }}};
};

TEST_F(KinshipTest, AVforkChildIsCountedWithItsParent) {
  run({.pid = 10, .start_time = 100}, 1);
  run({.pid = 11, .ppid = 10, .flags = forked, .start_time = 200}, 1);
  refresh();
  EXPECT_EQ(owner(10), std::nullopt);
  EXPECT_EQ(owner(11), 10);
  EXPECT_EQ(unknown(), 0u);
}

TEST_F(KinshipTest, AForkedChildIsNotHoweverAlikeTheyAre) {
  run({.pid = 10}, 1);
  run({.pid = 11, .ppid = 10, .flags = forked}, 2);
  refresh();
  EXPECT_EQ(owner(10), std::nullopt);
  EXPECT_EQ(owner(11), std::nullopt);
  EXPECT_EQ(unknown(), 0u);
}

TEST_F(KinshipTest, SiblingsAndCousinsOnOneMemoryAreFound) {
  run({.pid = 10, .ppid = 1, .start_time = 100}, 5);
  run({.pid = 11, .ppid = 1, .flags = forked, .start_time = 200}, 5);  // CLONE_PARENT
  run({.pid = 20, .ppid = 10, .flags = forked, .start_time = 300}, 3);
  run({.pid = 21, .ppid = 11, .flags = forked, .start_time = 400}, 5);
  refresh();
  EXPECT_EQ(owner(10), std::nullopt);
  EXPECT_EQ(owner(11), 10);
  EXPECT_EQ(owner(20), std::nullopt);
  EXPECT_EQ(owner(21), 10);
}

TEST_F(KinshipTest, OrphansWhoseMakerHasEndedAreFound) {
  run({.pid = 30, .ppid = 1, .flags = forked, .start_time = 300}, 5);
  run({.pid = 12, .ppid = 1, .flags = forked, .start_time = 400}, 5);  // the pids have wrapped
  refresh();
  EXPECT_EQ(owner(30), std::nullopt);
  EXPECT_EQ(owner(12), 30);
}

TEST_F(KinshipTest, WhatStatusSaysOfThemAtTwoMomentsNeedNotBeTheSame) {
  run({.pid = 10, .start_time = 100, .anon_kib = 300}, 1);
  run({.pid = 11,
       .ppid = 1,
       .flags = forked,
       .start_time = 200,
       .peak_kib = 12000,
       .anon_kib = 4000},
      1);
  refresh();
  EXPECT_EQ(owner(11), 10);
}

TEST_F(KinshipTest, EachIsAskedOnceAndInFewComparisons) {
  constexpr int count = 500;
  std::mt19937 random(4711);
  for (int pid = 1; pid <= count; ++pid) {
    run({.pid = pid, .ppid = 0, .flags = pid % 2 == 0 ? forked : execed},
        static_cast<int>(random() >> 1));
  }
  refresh();
  EXPECT_LE(comparisons_, count * (9 + 2));
  comparisons_ = 0;
  refresh();
  EXPECT_EQ(comparisons_, 0);
  run({.pid = 2000, .ppid = 0}, 17);
  refresh();
  EXPECT_LE(comparisons_, 10 + 2);
}

TEST_F(KinshipTest, AProcessThatMayNotBeComparedDisturbsNobody) {
  run({.pid = 1, .ppid = 0});
  run({.pid = 10, .start_time = 100}, 7);
  run({.pid = 11, .start_time = 200});
  run({.pid = 12, .flags = forked, .start_time = 300}, 7);
  refresh();
  EXPECT_EQ(owner(12), 10);
  mms_.erase(10);  // from now on neither may the owner
  run({.pid = 13, .flags = forked, .start_time = 400}, 7);
  refresh();
  EXPECT_EQ(owner(12), 10) << "what was found out stays known";
  EXPECT_EQ(owner(13), 10);
}

TEST_F(KinshipTest, AnExecLeaves) {
  run({.pid = 10, .start_time = 100}, 1);
  run({.pid = 11, .ppid = 10, .flags = forked, .start_time = 200}, 1);
  refresh();
  ASSERT_EQ(owner(11), 10);
  run({.pid = 11, .comm = "else", .ppid = 10, .start_time = 200, .start_stack = 12288}, 2);
  refresh();
  EXPECT_EQ(owner(11), std::nullopt);
  EXPECT_EQ(owner(10), std::nullopt);
}

TEST_F(KinshipTest, AnExecOfTheSameProgramIsTold) {
  run({.pid = 10, .start_time = 100});
  run({.pid = 11, .ppid = 10, .flags = forked, .start_time = 200});
  refresh();
  process(11).readings.sample.emplace();
  run({.pid = 11, .ppid = 10, .flags = execed, .start_time = 200});
  refresh();
  EXPECT_FALSE(process(11).readings.sample)
      << "with neither another name nor, unprivileged, addresses";
}

TEST_F(KinshipTest, AnExecBetweenTheReadAndTheComparisonIsReadAgain) {
  run({.pid = 10, .start_time = 100, .anon_kib = 4'000'000}, 1);
  run({.pid = 11, .ppid = 10, .flags = forked, .start_time = 200, .anon_kib = 4'000'000}, 1);
  before_comparison_ = [&] {
    run({.pid = 11,
         .comm = "true",
         .ppid = 10,
         .start_time = 200,
         .start_stack = 12288,
         .peak_kib = 500,
         .anon_kib = 100},
        2);
  };
  refresh();
  EXPECT_EQ(owner(11), std::nullopt);
  EXPECT_EQ(process(11).status.resident_anon, Bytes::from_kib(100));
  EXPECT_EQ(process(11).image.comm, "true");
}

TEST_F(KinshipTest, AnExecBetweenStatusAndStatIsReadAgain) {
  run({.pid = 10, .start_time = 100, .anon_kib = 4'000'000}, 1);
  const FakeProcess execs{.pid = 11,
                          .comm = "true",
                          .ppid = 10,
                          .start_time = 200,
                          .start_stack = 12288,
                          .peak_kib = 500,
                          .anon_kib = 100};
  execs.write(procfs_);
  mms_[11] = 2;
  // As status was a moment before.
  procfs_.write("11/status", FakeProcess{.pid = 11, .ppid = 10, .anon_kib = 4'000'000}.status());
  before_comparison_ = [&] { execs.write(procfs_); };
  refresh();
  EXPECT_EQ(process(11).status.resident_anon, Bytes::from_kib(100));
}

TEST_F(KinshipTest, TheSameOfOneThatWasKnownToShare) {
  run({.pid = 10, .start_time = 100, .anon_kib = 4'000'000}, 1);
  run({.pid = 11, .ppid = 10, .flags = forked, .start_time = 200, .anon_kib = 4'000'000}, 1);
  refresh();
  ASSERT_EQ(owner(11), 10);
  before_comparison_ = [&] {
    run({.pid = 11,
         .comm = "true",
         .ppid = 10,
         .start_time = 200,
         .start_stack = 12288,
         .peak_kib = 500,
         .anon_kib = 100},
        2);
  };
  refresh();
  EXPECT_EQ(owner(11), std::nullopt);
  EXPECT_EQ(process(11).status.resident_anon, Bytes::from_kib(100));
}

TEST_F(KinshipTest, AnEndBetweenTheReadAndTheComparisonCountsNothing) {
  run({.pid = 10, .start_time = 100}, 1);
  run({.pid = 11, .ppid = 10, .flags = forked, .start_time = 200}, 1);
  before_comparison_ = [&] { end(11); };
  refresh();
  EXPECT_TRUE(process(11).unreadable);
  refresh();
  EXPECT_FALSE(table_.processes().contains(11));
}

TEST_F(KinshipTest, TheOldestThatIsLeftTakesOverWithWhatWasRead) {
  run({.pid = 10, .minor_faults = 5000, .start_time = 100}, 1);
  run({.pid = 12, .ppid = 10, .flags = forked, .minor_faults = 3, .start_time = 200}, 1);
  run({.pid = 11, .ppid = 10, .flags = forked, .minor_faults = 3, .start_time = 300}, 1);
  refresh();
  ASSERT_EQ(owner(12), 10);
  measure(10);
  process(10).readings.mappings = std::make_shared<Reading<MappingsFound>>();
  process(10).readings.stalls.book(WalkMethod::rollup, {.longest_hold = seconds(400)}, 1, now_);
  end(10);
  run({.pid = 12, .ppid = 1, .flags = forked, .minor_faults = 3, .start_time = 200}, 1);
  run({.pid = 11, .ppid = 1, .flags = forked, .minor_faults = 3, .start_time = 300}, 1);
  refresh();
  EXPECT_EQ(owner(12), std::nullopt);
  EXPECT_EQ(owner(11), 12);
  ASSERT_TRUE(process(12).readings.sample);
  EXPECT_EQ(process(12).readings.sample->then.resident, Bytes{4711});
  EXPECT_EQ(process(12).readings.sample->then.faults, process(12).faults())
      << "its own count from here";
  EXPECT_TRUE(process(12).readings.mappings);
  const auto& stalls = process(12).readings.stalls;
  EXPECT_TRUE(stalls.rests(WalkMethod::rollup, now_ + seconds(498)));
  EXPECT_FALSE(stalls.rests(WalkMethod::rollup, now_ + seconds(499)));
  end(12);
  refresh();
  EXPECT_EQ(owner(11), std::nullopt);
  EXPECT_TRUE(process(11).readings.sample);
}

TEST_F(KinshipTest, SoItDoesWhereTheOwnerExecsOrItsPidIsReused) {
  for (const std::uint64_t start_time : {100u, 999u}) {
    run({.pid = 10, .start_time = 100}, 1);
    run({.pid = 11, .ppid = 10, .flags = forked, .start_time = 200}, 1);
    refresh();
    ASSERT_EQ(owner(11), 10);
    measure(10);
    run({.pid = 10, .comm = "else", .start_time = start_time, .start_stack = 12288}, 2);
    refresh();
    EXPECT_EQ(owner(11), std::nullopt);
    EXPECT_EQ(owner(10), std::nullopt);
    ASSERT_TRUE(process(11).readings.sample);
    EXPECT_EQ(process(11).readings.sample->then.resident, Bytes{4711});
    EXPECT_FALSE(process(10).readings.sample);
    end(10);
    end(11);
    refresh();
  }
}

TEST_F(KinshipTest, AnOwnerThatCannotBeReadForAMomentIsStoodInFor) {
  run({.pid = 10, .start_time = 100}, 1);
  run({.pid = 11, .ppid = 10, .flags = forked, .start_time = 200}, 1);
  refresh();
  measure(10);
  procfs_.write("10/status", "nonsense");
  refresh();
  EXPECT_TRUE(process(10).unreadable);
  EXPECT_EQ(owner(11), std::nullopt);
  EXPECT_TRUE(process(11).readings.sample);
  FakeProcess{.pid = 10, .start_time = 100}.write(procfs_);
  refresh();
  EXPECT_EQ(owner(10), std::nullopt);
  EXPECT_EQ(owner(11), 10);
}

TEST_F(KinshipTest, AnOwnerThatEndsAfterTheRefreshIsReplacedAtOnce) {
  run({.pid = 10, .start_time = 100}, 1);
  run({.pid = 11, .ppid = 10, .flags = forked, .start_time = 200}, 1);
  refresh();
  measure(10);
  table_.end(process(10));
  EXPECT_TRUE(process(10).ended);
  EXPECT_EQ(owner(11), std::nullopt);
  EXPECT_TRUE(process(11).readings.sample);
  refresh();  // it was only renamed
  EXPECT_EQ(owner(11), 10);
}

/// Whatever starts, execs and ends in whatever order, memory is counted once.
TEST_F(KinshipTest, EveryMemoryHasOneOwner) {
  std::mt19937 random(815);
  const auto number = [&](int below) { return static_cast<int>(random() % unsigned(below)); };
  std::map<pid_t, FakeProcess> running;
  std::uint64_t clock = 0;
  int newest_mm = 0;
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 5; ++i) {
      const pid_t pid = 2 + number(40);
      FakeProcess process{.pid = pid, .start_time = ++clock};
      if (number(3) == 0) {
        running.erase(pid);
        end(pid);
        continue;
      }
      if (running.contains(pid) && number(2) == 0) {  // an exec
        process.start_time = running[pid].start_time;
        process.start_stack = 4096 * clock;
        run(process, (++newest_mm * 7919) % 10007 + 1);
      } else if (running.empty() || number(2) == 0) {
        run(process, (++newest_mm * 7919) % 10007 + 1);
      } else {
        const auto maker = std::next(running.begin(), number(static_cast<int>(running.size())));
        if (maker->first == pid) continue;
        process.ppid = number(2) == 0 ? maker->first : 1;
        process.flags = forked;
        process.start_stack = maker->second.start_stack;
        run(process, mms_.at(maker->first));
      }
      running[pid] = process;
    }
    refresh();
    ASSERT_EQ(table_.processes().size(), running.size());
    std::map<int, pid_t> owners;
    for (const auto& [pid, fake] : running) {
      if (owner(pid)) continue;
      ASSERT_TRUE(owners.emplace(mms_.at(pid), pid).second) << "round " << round << " pid " << pid;
    }
    for (const auto& [pid, fake] : running) {
      ASSERT_EQ(owner(pid).value_or(pid), owners.at(mms_.at(pid))) << "round " << round;
    }
  }
}

/// Without kcmp: nobody may be compared.
class KinshipWithoutKcmpTest : public KinshipTest {
 protected:
  FakeProcess parent() { return {.pid = 10, .state = 'D', .start_time = 100, .switches = 50}; }
  FakeProcess child() {
    return {.pid = 11,
            .ppid = 10,
            .flags = forked,
            .minor_faults = 1,
            .major_faults = 0,
            .start_time = 200,
            .switches = 3};
  }
  void run_both(const FakeProcess& parent, const FakeProcess& child) {
    run(parent);
    run(child);
    refresh();
  }
};

TEST_F(KinshipWithoutKcmpTest, AForkedChildIsCountedInFullHoweverAlikeTheyAre) {
  auto awake = parent();
  awake.state = 'S';
  run_both(awake, child());
  EXPECT_EQ(owner(11), std::nullopt);
  EXPECT_EQ(unknown(), 1u);
}

TEST_F(KinshipWithoutKcmpTest, AVforkChildIsKnownByItsSleepingParent) {
  run_both(parent(), child());
  EXPECT_EQ(owner(11), 10);
  EXPECT_EQ(unknown(), 0u);
  refresh();
  EXPECT_EQ(owner(11), 10);
}

TEST_F(KinshipWithoutKcmpTest, EachOfTheSignsMustBeThere) {
  const auto is_counted_in_full = [&](const FakeProcess& parent, const FakeProcess& child) {
    run_both(parent, child);
    const bool counted = !owner(11) && !process(11).ended;
    end(10);
    end(11);
    refresh();
    return counted;
  };
  for (const char state : {'S', 'R', 'T', 't'}) {
    auto other = parent();
    other.state = state;
    EXPECT_TRUE(is_counted_in_full(other, child())) << state;
  }
  auto unknown_switches = parent();
  unknown_switches.switches.reset();
  EXPECT_TRUE(is_counted_in_full(unknown_switches, child()));
  auto has_execed = child();
  has_execed.flags = execed;
  EXPECT_TRUE(is_counted_in_full(parent(), has_execed));
  for (const auto figure : {&FakeProcess::anon_kib, &FakeProcess::file_kib, &FakeProcess::swap_kib,
                            &FakeProcess::peak_kib}) {
    auto other = child();
    ++(other.*figure);
    EXPECT_TRUE(is_counted_in_full(parent(), other));
  }
  auto faulted = child();
  faulted.minor_faults = 6;  // enough for half of 700 KiB
  EXPECT_TRUE(is_counted_in_full(parent(), faulted));
  auto stranger = child();
  stranger.ppid = 1;
  EXPECT_TRUE(is_counted_in_full(parent(), stranger));
  EXPECT_FALSE(is_counted_in_full(parent(), child())) << "or nothing was tested";
}

TEST_F(KinshipWithoutKcmpTest, AMistakeLastsForOneRefresh) {
  run_both(parent(), child());
  ASSERT_EQ(owner(11), 10);
  auto awake = parent();
  awake.state = 'S';
  run_both(awake, child());
  EXPECT_EQ(owner(11), std::nullopt);
  EXPECT_EQ(unknown(), 1u);
  run_both(parent(), child());
  EXPECT_EQ(owner(11), std::nullopt) << "it has been seen awake";
}

TEST_F(KinshipWithoutKcmpTest, AChildThatOutlivesItsWaitingParentTakesOver) {
  run_both(parent(), child());
  measure(10);
  end(10);
  auto orphan = child();
  orphan.ppid = 1;
  run(orphan);
  for (int i = 0; i < 2; ++i) {
    refresh();
    EXPECT_EQ(owner(11), std::nullopt);
    EXPECT_TRUE(process(11).readings.sample);
    EXPECT_EQ(unknown(), 0u);
  }
}

TEST_F(KinshipWithoutKcmpTest, AVforkChildMayVforkItself) {
  run(parent());
  auto middle = child();
  middle.state = 'D';
  run(middle);
  auto last = child();
  last.pid = 9;
  last.ppid = 11;
  last.start_time = 300;
  run(last);
  refresh();
  EXPECT_EQ(owner(10), std::nullopt);
  EXPECT_EQ(owner(11), 10);
  EXPECT_EQ(owner(9), 10);
}

/// A parent of several threads, one of which sleeps.
class VforkByAThreadTest : public KinshipWithoutKcmpTest {
 protected:
  void run_threads(const char* children, char state = 'S') {
    auto leader = parent();
    leader.state = state;
    leader.threads = 3;
    run(leader);
    for (const int thread : {10, 20, 21}) {
      auto one = parent();
      one.pid = thread;
      one.state = thread == 21 ? 'D' : state;
      one.threads = 3;
      const auto folder = "10/task/" + std::to_string(thread) + "/";
      procfs_.write(folder + "status", one.status());
      procfs_.write(folder + "stat", one.stat());
      if (children != nullptr) procfs_.write(folder + "children", thread == 21 ? children : "");
    }
    run(child());
    refresh();
  }
};

TEST_F(VforkByAThreadTest, TheThreadThatMadeTheChildIsLookedAt) {
  run_threads("7 11 ");
  EXPECT_EQ(owner(11), 10);
  refresh();
  EXPECT_EQ(owner(11), 10);
}

TEST_F(VforkByAThreadTest, AnotherThreadThatSleepsSaysNothing) {
  run_threads("7 ");
  EXPECT_EQ(owner(11), std::nullopt);
  EXPECT_EQ(unknown(), 1u);
}

TEST_F(VforkByAThreadTest, WithoutListsOfChildrenAnyOfThemMayHaveMadeIt) {
  run_threads(nullptr);
  EXPECT_EQ(owner(11), 10);
}

TEST_F(VforkByAThreadTest, SoItIsWhereTheLeaderHasExited) {
  run_threads("11 ", 'Z');
  EXPECT_EQ(owner(11), 10);
}

TEST_F(VforkByAThreadTest, MoreThreadsThanMayBeLookedAtLeaveItUnknown) {
  auto many = parent();
  many.threads = 100'000;
  run_both(many, child());
  EXPECT_EQ(owner(11), std::nullopt);
  EXPECT_EQ(unknown(), 1u);
}

/// What is counted as unknown.
class LookAlikesTest : public KinshipWithoutKcmpTest {
 protected:
  void run(pid_t pid, std::uint64_t flags, std::uint64_t anon_kib = 300,
           std::uint64_t peak_kib = 11000, int mm = 0) {
    KinshipTest::run({.pid = pid, .flags = flags, .peak_kib = peak_kib, .anon_kib = anon_kib}, mm);
  }
};

TEST_F(LookAlikesTest, ThoseThatHaveExecedAreOnMemoryOfTheirOwn) {
  run(10, execed);
  run(11, execed);
  refresh();
  EXPECT_EQ(unknown(), 0u);
}

TEST_F(LookAlikesTest, EveryForkedProcessWithAnotherLikeItCounts) {
  run(10, execed);
  run(11, forked);
  run(12, forked);
  run(13, forked, 301);
  run(14, forked, 300, 11001);
  refresh();
  EXPECT_EQ(unknown(), 2u);
}

TEST_F(LookAlikesTest, FiguresThatMoveMayBeThoseOfOneMemoryAtTwoMoments) {
  run(10, execed, 300);
  run(11, forked, 301);
  refresh();
  EXPECT_EQ(unknown(), 0u);
  run(10, execed, 350);
  refresh();
  EXPECT_EQ(unknown(), 1u);
  run(11, forked, 360);
  refresh();
  EXPECT_EQ(unknown(), 1u);
  refresh();
  EXPECT_EQ(unknown(), 0u);
  run(10, execed, 350, 12000);
  refresh();
  EXPECT_EQ(unknown(), 0u) << "a peak never falls";
}

TEST_F(LookAlikesTest, WhereOneOfTwoMayBeComparedNobodyKnows) {
  run(10, execed);
  run(11, forked, 300, 11000, 1);
  refresh();
  EXPECT_EQ(unknown(), 1u);
  run(12, forked, 300, 11000, 2);
  end(10);
  refresh();
  EXPECT_EQ(unknown(), 0u);
}

}  // namespace
}  // namespace memory_exporter::process
