// Reads that do not come back: who takes over, how many threads they cost, and what pauses.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <new>
#include <set>
#include <string>
#include <thread>

#include "collectors/process/monitor.h"
#include "collectors/process/sampling/worker.h"
#include "tests/process/fake_process.h"

namespace memory_exporter::process {
namespace {

using memory_exporter::testing::TempTree;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

/// Processes whose reads wait until they are let go, and who waits.
struct Gates {
  std::mutex mutex;
  std::condition_variable change;
  std::set<pid_t> closed;
  std::multiset<pid_t> waiting;
  int readers = 0;  ///< one a thread that is alive

  void close(pid_t from, pid_t to) {
    const std::lock_guard lock(mutex);
    for (auto pid = from; pid <= to; ++pid) closed.insert(pid);
  }

  void open_all() {
    const std::lock_guard lock(mutex);
    closed.clear();
    change.notify_all();
  }

  bool await_waiting(std::size_t count) {
    std::unique_lock lock(mutex);
    return change.wait_for(lock, seconds(20), [&] { return waiting.size() == count; });
  }

  bool await_readers(int count) {
    std::unique_lock lock(mutex);
    return change.wait_for(lock, seconds(20), [&] { return readers == count; });
  }
};

class GateReader final : public ProcessReader {
 public:
  explicit GateReader(std::shared_ptr<Gates> gates) : gates_(std::move(gates)) { add(1); }
  ~GateReader() override { add(-1); }

  std::optional<Result<Found>> read(const ReadRequest& request, ReadControl&,
                                    std::unique_ptr<ReadProgress>&) override {
    std::unique_lock lock(gates_->mutex);
    const auto at = gates_->waiting.insert(request.id.pid);
    gates_->change.notify_all();
    gates_->change.wait(lock, [&] { return !gates_->closed.contains(request.id.pid); });
    gates_->waiting.erase(at);
    return Result<Found>(Found(MemoryFound{}));
  }

 private:
  void add(int count) {
    const std::lock_guard lock(gates_->mutex);
    gates_->readers += count;
    gates_->change.notify_all();
  }

  std::shared_ptr<Gates> gates_;
};

std::vector<ReadRequest> requests(pid_t from, pid_t to) {
  std::vector<ReadRequest> all;
  for (auto pid = from; pid <= to; ++pid) {
    ReadRequest request;
    request.id = {pid, 1};
    all.push_back(request);
  }
  return all;
}

std::vector<int> pids(const std::vector<FinishedRead>& walks) {
  std::vector<int> pids;
  for (const auto& walk : walks) pids.push_back(walk.request.id.pid);
  return pids;
}

class HungReadsTest : public ::testing::Test {
 protected:
  ~HungReadsTest() override { gates_->open_all(); }

  Worker::Options options(nanoseconds patience = milliseconds(1)) {
    Worker::Options options;
    options.make_reader = [gates = gates_](const procfs::Tree&) {
      return std::make_unique<GateReader>(gates);
    };
    options.budget = CpuBudget::unlimited();
    options.now = [ahead = ahead_] { return Clock::now() + ahead->load(); };
    options.reads = reads_;
    options.patience = patience;
    return options;
  }

  void pass(seconds time) { ahead_->store(ahead_->load() + nanoseconds(time)); }

  std::shared_ptr<Gates> gates_ = std::make_shared<Gates>();
  std::shared_ptr<std::atomic<nanoseconds>> ahead_ =
      std::make_shared<std::atomic<nanoseconds>>(nanoseconds::zero());
  std::shared_ptr<ReadsUnderWay> reads_ = std::make_shared<ReadsUnderWay>();
  procfs::Tree tree_ = procfs::Tree::absent("/nowhere");
};

TEST_F(HungReadsTest, TwentyThatHangKeepNobodyElseFromBeingRead) {
  gates_->close(1, 20);
  Worker worker(tree_, options());
  worker.submit(requests(1, 25));
  for (int i = 0; i < 1000 && worker.cost().reads < 5; ++i) worker.wait(milliseconds(20));
  EXPECT_THAT(pids(worker.take()), UnorderedElementsAre(21, 22, 23, 24, 25));
  EXPECT_THAT(worker.stuck(), IsEmpty()) << "not for so long yet";
  pass(seconds(2));
  EXPECT_EQ(worker.stuck().size(), 20u);
  EXPECT_EQ(worker.readers("quick").hung, 20u);
  EXPECT_FALSE(worker.readers("quick").paused);
  gates_->open_all();
  EXPECT_TRUE(gates_->await_readers(1)) << "those that were replaced have ended";
  EXPECT_THAT(worker.stuck(), IsEmpty());
  EXPECT_EQ(worker.take().size(), 20u) << "what came back late is not lost";
}

TEST_F(HungReadsTest, BeyondTheBoundTheLanePausesUntilOneComesBack) {
  constexpr int most = ReadsUnderWay::most_replaced + 1;
  for (int round = 0; round < 2; ++round) {
    gates_->close(1, 100);
    Worker worker(tree_, options());
    worker.submit(requests(1, 101));
    for (int i = 0; i < 2000 && worker.readers("quick").hung < most; ++i) {
      worker.wait(milliseconds(5));
      pass(seconds(2));
    }
    ASSERT_TRUE(gates_->await_waiting(most));
    EXPECT_EQ(worker.readers("quick").hung, std::uint64_t{most});
    EXPECT_TRUE(worker.readers("quick").paused);
    const auto began = Clock::now();
    worker.submit(requests(1, 110));
    worker.wait(seconds(100));
    EXPECT_LT(Clock::now() - began, seconds(10)) << "nobody to wait for";
    EXPECT_EQ(worker.cost().deferred, std::uint64_t{110 - most});
    EXPECT_EQ(worker.cost().reads, 0u);

    gates_->open_all();
    ASSERT_TRUE(gates_->await_waiting(0));
    // In the second round all of it works again: what was taken has been given back.
    for (int i = 0; i < 1000 && worker.readers("quick").paused; ++i) {
      std::this_thread::sleep_for(milliseconds(5));
    }
    EXPECT_FALSE(worker.readers("quick").paused);
    worker.submit(requests(200, 201));
    worker.wait(seconds(10));
    const auto read = pids(worker.take());
    EXPECT_TRUE(std::find(read.begin(), read.end(), 201) != read.end());
  }
}

TEST_F(HungReadsTest, OneThatHangsCostsOneThreadAndNotOneALane) {
  gates_->close(10, 10);
  Worker first(tree_, options());
  auto all = options();
  all.complete = true;
  Worker second(tree_, all);
  Worker third(tree_, options());
  first.submit(requests(10, 10));
  ASSERT_TRUE(gates_->await_waiting(1));
  second.submit(requests(10, 12));
  third.submit(requests(10, 13));
  for (int i = 0; i < 1000 && second.cost().reads + third.cost().reads < 5; ++i) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  pass(seconds(3));
  EXPECT_EQ(first.stuck().size(), 1u);
  second.wait(seconds(100));  // until it is known that nothing comes of it
  EXPECT_THAT(pids(second.take()), UnorderedElementsAre(11, 12));
  third.wait(seconds(100));
  EXPECT_THAT(pids(third.take()), UnorderedElementsAre(11, 12, 13));
  EXPECT_TRUE(gates_->await_waiting(1));
  EXPECT_EQ(second.readers("limits").hung + third.readers("smaps").hung, 0u);

  gates_->open_all();
  ASSERT_TRUE(gates_->await_waiting(0));
  for (int i = 0; i < 1000 && first.cost().reads < 1; ++i) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  second.submit(requests(10, 10));
  second.wait(seconds(10));
  EXPECT_THAT(pids(second.take()), UnorderedElementsAre(10));
}

TEST_F(HungReadsTest, WhatAnotherLaneReadsIsReadAfterwardsAndAScrapeDoesNotWaitForIt) {
  gates_->close(10, 10);
  Worker first(tree_, options());
  Worker second(tree_, options());
  first.submit(requests(10, 10));
  ASSERT_TRUE(gates_->await_waiting(1));
  second.submit(requests(10, 10));
  const auto began = Clock::now();
  second.wait(seconds(100));
  EXPECT_LT(Clock::now() - began, seconds(10));
  EXPECT_THAT(second.take(), IsEmpty());
  gates_->open_all();
  for (int i = 0; i < 1000 && second.cost().reads < 1; ++i) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_THAT(pids(second.take()), UnorderedElementsAre(10));
}

TEST_F(HungReadsTest, ALaneThatMustBeCompleteWaitsForTheOther) {
  gates_->close(10, 10);
  Worker first(tree_, options(seconds(2)));
  auto all = options(seconds(2));
  all.complete = true;
  Worker second(tree_, all);
  first.submit(requests(10, 10));
  ASSERT_TRUE(gates_->await_waiting(1));
  second.submit(requests(10, 10));
  std::thread later([this] {
    std::this_thread::sleep_for(milliseconds(400));
    gates_->open_all();
  });
  second.wait(seconds(20));
  EXPECT_THAT(pids(second.take()), UnorderedElementsAre(10));
  later.join();
}

/// In a process of its own, where no stack of an ended thread is kept for the next one.
TEST_F(HungReadsTest, AThreadThatCannotBeStartedIsCountedAndTriedAgain) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto with_no_room = [this] {
    rlimit before{};
    ::getrlimit(RLIMIT_AS, &before);
    // What there is and little more: a thread's stack does not fit.
    std::ifstream statm("/proc/self/statm");
    rlim_t pages = 0;
    statm >> pages;
    const auto bytes = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
    const rlimit tight{bytes + 1024 * 1024, before.rlim_max};
    ::setrlimit(RLIMIT_AS, &tight);
    Worker worker(tree_, options());
    worker.submit(requests(1, 3));
    const auto began = Clock::now();
    worker.wait(seconds(100));
    const auto readers = worker.readers("quick");
    const auto cost = worker.cost();
    ::setrlimit(RLIMIT_AS, &before);
    EXPECT_LT(Clock::now() - began, seconds(10));
    EXPECT_EQ(readers.start_failures, 2u);
    EXPECT_TRUE(readers.paused);
    EXPECT_EQ(cost.deferred, 3u);

    worker.submit(requests(1, 3));
    worker.wait(seconds(10));
    EXPECT_EQ(worker.take().size(), 3u);
    EXPECT_FALSE(worker.readers("quick").paused);
    EXPECT_EQ(worker.readers("quick").start_failures, 2u);
    std::_Exit(HasFailure() ? 1 : 0);
  };
  EXPECT_EXIT(with_no_room(), ::testing::ExitedWithCode(0), "");
}

TEST_F(HungReadsTest, AThreadThatRunsOutOfMemoryAtItsStartIsCountedAndReplaced) {
  auto failing = options();
  auto fails = std::make_shared<std::atomic<int>>(1);
  failing.make_reader = [gates = gates_, fails](const procfs::Tree&) {
    if ((*fails)-- > 0) throw std::bad_alloc();
    return std::make_unique<GateReader>(gates);
  };
  Worker worker(tree_, failing);
  for (int i = 0; i < 1000 && worker.readers("quick").start_failures < 1; ++i) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_EQ(worker.readers("quick").start_failures, 1u);
  worker.submit(requests(1, 3));
  worker.wait(seconds(10));
  EXPECT_EQ(worker.take().size(), 3u);
}

/// The same with the monitor and files that hang.
class HungProcessTest : public ::testing::Test {
 protected:
  void write(int pid, std::uint64_t anon_kib) {
    FakeProcess{.pid = pid, .comm = "p" + std::to_string(pid), .ppid = 0, .anon_kib = anon_kib}
        .write(procfs_);
    procfs_.write(std::to_string(pid) + "/limits", "Max stack size 8388608 unlimited bytes\n");
    procfs_.write(std::to_string(pid) + "/maps", "");
  }

  void hang(const std::string& file) {
    procfs_.remove(file);
    ASSERT_EQ(::mkfifo(procfs_.path(file).c_str(), 0600), 0);
    fifos_.push_back(procfs_.path(file));
  }

  /// Lets the readers go, once the process is written anew. Opening for writing lets a reader go
  /// on; closing gives it the end of the file.
  void release(int pid, std::uint64_t anon_kib) {
    std::vector<int> writers;
    for (const auto& fifo : fifos_) writers.push_back(::open(fifo.c_str(), O_RDWR | O_NONBLOCK));
    procfs_.remove(std::to_string(pid));
    write(pid, anon_kib);
    for (const int writer : writers) ::close(writer);
  }

  std::shared_ptr<const Snapshot> collect(Monitor& monitor) {
    auto snapshot = monitor.collect(Clock::now() + seconds(10), Extras::limits);
    EXPECT_TRUE(snapshot);
    return *snapshot;
  }

  static const GroupTotals& totals(const Snapshot& snapshot, std::string_view name) {
    for (const auto& group : snapshot.groups) {
      if (group.key.front() == name) return group.totals;
    }
    static const GroupTotals none;
    ADD_FAILURE() << "no group " << name;
    return none;
  }

  TempTree procfs_;
  procfs::Tree tree_ = procfs_.open();
  std::vector<std::string> fifos_;
};

TEST_F(HungProcessTest, ItsMemoryIsStuckThoughItWasSampledBeforeAndTheOthersAreMeasured) {
  for (const int pid : {10, 11}) write(pid, 300);
  Settings settings;
  settings.group_by = {dimension_named("name")};
  settings.pss_stall_budget = 1;
  Monitor monitor(tree_, settings);
  EXPECT_EQ(collect(monitor)->counts.measured, 2u);

  for (const int pid : {10, 11}) write(pid, 900);
  hang("10/smaps_rollup");
  hang("10/maps");
  std::shared_ptr<const Snapshot> last;
  for (int i = 0; i < 30; ++i) {
    last = collect(monitor);
    if (last->counts.stuck > 0) break;
    std::this_thread::sleep_for(milliseconds(200));
  }
  EXPECT_EQ(last->counts.stuck, 1u);
  EXPECT_EQ(last->counts.measured, 1u);
  const auto& stuck = totals(*last, "p10");
  EXPECT_FALSE(stuck.memory.pss.has_value());
  EXPECT_EQ(stuck.unmeasured[static_cast<std::size_t>(Unmeasured::stuck)], Bytes::from_kib(1600));
  EXPECT_EQ(totals(*last, "p11").unmeasured[static_cast<std::size_t>(Unmeasured::stale)], Bytes{});
  std::uint64_t hung = 0;
  for (const auto& lane : last->readers) hung += lane.hung;
  EXPECT_EQ(hung, 1u);
  EXPECT_EQ(last->readers.front().hung, 1u);

  // It is let go: the read that hung counts as any other, and it is asked again.
  release(10, 900);
  for (int i = 0; i < 50; ++i) {
    last = collect(monitor);
    if (last->counts.measured == 2) break;
    std::this_thread::sleep_for(milliseconds(100));
  }
  EXPECT_EQ(last->counts.measured, 2u);
  EXPECT_EQ(last->counts.stuck, 0u);
}

}  // namespace
}  // namespace memory_exporter::process
