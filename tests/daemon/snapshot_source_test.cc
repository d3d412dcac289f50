#include "daemon/snapshot_source.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <vector>

namespace memory_exporter {
namespace {

using Clock = SnapshotSource::Clock;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

SnapshotSource::Snapshot snapshot_of(std::uint64_t measured) {
  auto snapshot = std::make_shared<process::Snapshot>();
  snapshot->counts.measured = measured;
  return snapshot;
}

/// Collections that each wait until the test lets one go, and are numbered from 1. Shared with the
/// source, as it may leave a collection behind.
class Gate {
 public:
  Result<SnapshotSource::Snapshot> collect(Clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    deadlines_.push_back(deadline);
    const auto number = deadlines_.size();
    changed_.notify_all();
    changed_.wait(lock, [&] { return opened_ >= number; });
    return snapshot_of(number);
  }

  void open(std::size_t collections) {
    const std::lock_guard lock(mutex_);
    opened_ = collections;
    changed_.notify_all();
  }

  void wait_for(std::size_t collections) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return deadlines_.size() >= collections; });
  }

  std::vector<Clock::time_point> deadlines() const {
    const std::lock_guard lock(mutex_);
    return deadlines_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Clock::time_point> deadlines_;
  std::size_t opened_ = 0;
};

SnapshotSource::Collect through(const std::shared_ptr<Gate>& gate) {
  return [gate](Clock::time_point deadline) { return gate->collect(deadline); };
}

TEST(SnapshotSource, ThoseWhoAskDuringACollectionShareIt) {
  const auto gate = std::make_shared<Gate>();
  SnapshotSource source(through(gate));
  const auto deadline = Clock::now() + hours(1);
  const auto ask = [&] { return source.get(deadline)->snapshot; };
  auto first = std::async(std::launch::async, ask);
  gate->wait_for(1);
  std::vector<std::future<SnapshotSource::Snapshot>> others;
  for (int i = 0; i < 8; ++i) others.push_back(std::async(std::launch::async, ask));
  // Nothing tells from outside that they have asked; it takes them microseconds.
  std::this_thread::sleep_for(milliseconds(100));
  gate->open(1);
  const auto snapshot = first.get();
  EXPECT_EQ(snapshot->counts.measured, 1u);
  for (auto& other : others) EXPECT_EQ(other.get(), snapshot);
  EXPECT_EQ(gate->deadlines(), std::vector{deadline});
}

TEST(SnapshotSource, AfterACollectionTheNextIsANewOne) {
  const auto gate = std::make_shared<Gate>();
  gate->open(2);
  SnapshotSource source(through(gate));
  EXPECT_EQ(source.last(), nullptr);
  EXPECT_EQ((*source.get(Clock::now() + hours(1)))->counts.measured, 1u);
  EXPECT_EQ((*source.get(Clock::now() + hours(1)))->counts.measured, 2u);
  EXPECT_EQ(source.last()->counts.measured, 2u);
}

TEST(SnapshotSource, SoonAfterACollectionItsSnapshotIsStillShared) {
  const auto gate = std::make_shared<Gate>();
  gate->open(9);
  SnapshotSource source(through(gate), {.share = milliseconds(200)});
  const auto get = [&] { return *source.get(Clock::now() + hours(1)); };
  const auto first = get();
  EXPECT_EQ(get().snapshot, first.snapshot);
  std::this_thread::sleep_until(first.ended + milliseconds(200));
  EXPECT_EQ(get()->counts.measured, 2u);
}

TEST(SnapshotSource, WhoHasMoreTimeGetsACollectionOfHisOwn) {
  const auto gate = std::make_shared<Gate>();
  SnapshotSource source(through(gate), {.share = hours(1), .enough_time = hours(2)});
  const auto begin = Clock::now();
  auto tiny = std::async(std::launch::async, [&] { return source.get(begin + milliseconds(900)); });
  gate->wait_for(1);
  auto patient = std::async(std::launch::async, [&] { return source.get(begin + hours(1)); });
  auto longest = std::async(std::launch::async, [&] { return source.get(begin + hours(3)); });
  std::this_thread::sleep_for(milliseconds(100));
  gate->open(1);
  EXPECT_EQ((*tiny.get())->counts.measured, 1u);
  gate->wait_for(2);
  EXPECT_EQ(gate->deadlines().back(), begin + hours(3)) << "of all who wait, the last";
  gate->open(2);
  EXPECT_EQ((*patient.get())->counts.measured, 2u);
  EXPECT_EQ((*longest.get())->counts.measured, 2u);
  EXPECT_EQ((*source.get(begin + hours(9)))->counts.measured, 2u) << "it had enough time for all";
}

TEST(SnapshotSource, NothingIsCollectedForWhoHasGone) {
  const auto gate = std::make_shared<Gate>();
  SnapshotSource source(through(gate));
  auto first = std::async(std::launch::async, [&] { return source.get(Clock::now() + hours(1)); });
  gate->wait_for(1);
  EXPECT_FALSE(source.get(Clock::now() - seconds(1)).ok());
  EXPECT_FALSE(source.get(Clock::now() + milliseconds(1)).ok());
  gate->open(9);
  EXPECT_TRUE(first.get().ok());
  std::this_thread::sleep_for(milliseconds(50));
  EXPECT_EQ(gate->deadlines().size(), 1u);
}

TEST(SnapshotSource, NobodyWaitsLongerThanHisOwnDeadline) {
  const auto gate = std::make_shared<Gate>();
  SnapshotSource source(through(gate));
  auto patient =
      std::async(std::launch::async, [&] { return source.get(Clock::now() + hours(1)); });
  gate->wait_for(1);
  const auto start = Clock::now();
  const auto late = source.get(start + milliseconds(50));
  EXPECT_GE(Clock::now() - start, milliseconds(50));
  EXPECT_LT(Clock::now() - start, seconds(5));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().what, "the processes were not read before the scrape's deadline");
  gate->open(1);
  EXPECT_TRUE(patient.get().ok());
}

TEST(SnapshotSource, AFailureReachesEveryCallerAndTheNextTriesAgain) {
  auto calls = std::make_shared<std::atomic<int>>(0);
  SnapshotSource source([calls](Clock::time_point) -> Result<SnapshotSource::Snapshot> {
    if (++*calls == 1) return Error{ErrorKind::denied, "Permission denied", "/proc", 0};
    if (*calls == 2) throw std::runtime_error("thrown");
    return snapshot_of(7);
  });
  const auto ask = [&] { return source.get(Clock::now() + hours(1)); };
  const auto failed = ask();
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().message(), "/proc: Permission denied");
  const auto threw = ask();
  ASSERT_FALSE(threw.ok());
  EXPECT_EQ(threw.error().what, "thrown");
  EXPECT_EQ(source.last(), nullptr);
  EXPECT_EQ((*ask())->counts.measured, 7u);
}

TEST(SnapshotSource, StoppingSendsThoseWhoWaitAway) {
  const auto gate = std::make_shared<Gate>();
  SnapshotSource source(through(gate));
  auto waiting =
      std::async(std::launch::async, [&] { return source.get(Clock::now() + hours(1)); });
  gate->wait_for(1);
  auto stopped = std::async(std::launch::async, [&] { return source.stop(seconds(20)); });
  const auto sent_away = waiting.get();
  ASSERT_FALSE(sent_away.ok());
  EXPECT_EQ(sent_away.error().what, "the exporter is stopping");
  gate->open(1);
  EXPECT_TRUE(stopped.get());
  EXPECT_FALSE(source.get(Clock::now() + hours(1)).ok());
}

TEST(SnapshotSource, ACollectionThatHangsIsLeftBehind) {
  const auto gate = std::make_shared<Gate>();
  {
    SnapshotSource source(through(gate));
    EXPECT_FALSE(source.get(Clock::now() + milliseconds(10)).ok());
    gate->wait_for(1);
    const auto start = Clock::now();
    EXPECT_FALSE(source.stop(milliseconds(50)));
    EXPECT_LT(Clock::now() - start, seconds(5));
  }
  // The thread still uses what it was given, and ends when it can.
  gate->open(1);
  for (int i = 0; i < 1000 && gate.use_count() > 1; ++i) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_EQ(gate.use_count(), 1);
}

TEST(SnapshotSource, DoesNothingUntilAsked) {
  auto calls = std::make_shared<std::atomic<int>>(0);
  {
    SnapshotSource source([calls](Clock::time_point) -> Result<SnapshotSource::Snapshot> {
      ++*calls;
      return snapshot_of(1);
    });
    std::this_thread::sleep_for(milliseconds(50));
  }
  EXPECT_EQ(*calls, 0);
}

}  // namespace
}  // namespace memory_exporter
