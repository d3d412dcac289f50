#include "collectors/process/sampling/worker.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

#include "collectors/process/sampling/rollup_reader.h"
#include "tests/process/fake_process.h"

namespace memory_exporter::process {
namespace {

using memory_exporter::testing::TempTree;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

ReadRequest request(pid_t pid) {
  ReadRequest request;
  request.id = {pid, 1};
  request.memory_thread = pid;
  return request;
}

constexpr std::array whole = {1.0};

/// A worker's clock that a test can push forward.
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

class WorkerTest : public ::testing::Test {
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
  static void await_stuck(Worker& worker, PushedClock& clock, std::size_t reads) {
    for (int tries = 0; tries < 2000 && worker.stuck().size() < reads; ++tries) {
      std::this_thread::sleep_for(milliseconds(5));
      clock.push(seconds(3));
    }
    ASSERT_EQ(worker.stuck().size(), reads);
  }

  static Worker::Options options(Now now = &Clock::now,
                                 std::shared_ptr<CpuBudget> budget = CpuBudget::unlimited()) {
    return {
        [](const procfs::Tree& procfs) { return std::make_unique<Uncut<RollupReader>>(procfs); },
        std::move(budget), 0, std::move(now)};
  }

  TempTree procfs_;
  procfs::Tree tree_ = procfs_.open();
};

TEST_F(WorkerTest, ReadsInTheOrderGiven) {
  for (const int pid : {10, 11, 12}) FakeProcess{.pid = pid}.write(procfs_);
  Worker worker(tree_, options());
  worker.submit({request(12), request(10), request(11)});
  worker.wait(seconds(10));
  const auto walks = worker.take();
  ASSERT_EQ(walks.size(), 3u);
  EXPECT_EQ(walks[0].request.id.pid, 12);
  EXPECT_EQ(walks[2].request.id.pid, 11);
  ASSERT_TRUE(walks[0].found);
  EXPECT_EQ(std::get<MemoryFound>(*walks[0].found).memory.pss, Bytes::from_kib(650));
  EXPECT_EQ(worker.cost().reads, 3u);
  EXPECT_TRUE(worker.take().empty());
}

TEST_F(WorkerTest, WithoutARollupItAddsUpSmaps) {
  procfs_.write("10/smaps",
                "400-500 r-xp 00 00:00 0 /a\nPss: 4 kB\n500-600 rw-p 0 0:0 0\nPss: 8 kB\n");
  Worker worker(tree_, options());
  worker.submit({request(10)});
  worker.wait(seconds(10));
  const auto walks = worker.take();
  ASSERT_EQ(walks.size(), 1u);
  ASSERT_TRUE(walks[0].found) << walks[0].found.error().message();
  EXPECT_EQ(std::get<MemoryFound>(*walks[0].found).memory.pss, Bytes::from_kib(12));
}

TEST_F(WorkerTest, AVanishedProcessComesBackAsAnError) {
  Worker worker(tree_, options());
  worker.submit({request(10)});
  worker.wait(seconds(10));
  const auto walks = worker.take();
  ASSERT_EQ(walks.size(), 1u);
  ASSERT_FALSE(walks[0].found);
  EXPECT_EQ(walks[0].found.error().kind, ErrorKind::vanished);
}

TEST_F(WorkerTest, AnEmptyBudgetDefersWhatIsLeft) {
  for (const int pid : {10, 11}) FakeProcess{.pid = pid}.write(procfs_);
  // One nanosecond: the first walk may begin, and spends more than that.
  Worker worker(tree_, options(&Clock::now, std::make_shared<CpuBudget>(1e-12, nanoseconds(1),
                                                                        Clock::now(), whole)));
  worker.submit({request(10), request(11)});
  worker.wait(seconds(10));
  EXPECT_EQ(worker.take().size(), 1u);
  EXPECT_EQ(worker.cost().deferred, 1u);
}

TEST_F(WorkerTest, AHungReadIsReplacedAndReportedAndNeverWaitedFor) {
  make_hanging("10/smaps_rollup");
  FakeProcess{.pid = 11}.write(procfs_);
  PushedClock clock;
  const auto began = Clock::now();
  {
    Worker worker(tree_, options(clock.now()));
    worker.submit({request(10), request(11)});
    worker.wait(milliseconds(50));
    EXPECT_TRUE(worker.stuck().empty());
    await_stuck(worker, clock, 1);
    ASSERT_EQ(worker.stuck(), std::vector<ProcessId>{request(10).id});
    worker.wait(seconds(10));  // the replacement reads on
    const auto walks = worker.take();
    ASSERT_EQ(walks.size(), 1u);
    EXPECT_EQ(walks[0].request.id.pid, 11);
    EXPECT_EQ(worker.stuck().size(), 1u);
  }
  EXPECT_LT(Clock::now() - began, seconds(5));
  release("10/smaps_rollup");
}

TEST_F(WorkerTest, AHungReadThatComesBackIsNoLongerStuck) {
  make_hanging("10/smaps_rollup");
  PushedClock clock;
  Worker worker(tree_, options(clock.now()));
  worker.submit({request(10)});
  await_stuck(worker, clock, 1);
  release("10/smaps_rollup");
  for (int i = 0; i < 1000 && !worker.stuck().empty(); ++i) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_TRUE(worker.stuck().empty());
  const auto walks = worker.take();
  ASSERT_EQ(walks.size(), 1u);
  EXPECT_GE(walks[0].ended - walks[0].began, seconds(3));
  EXPECT_LT(walks[0].cost.longest_hold, seconds(1)) << "it waited, and held nothing";
  FakeProcess{.pid = 11}.write(procfs_);
  worker.submit({request(11)});
  worker.wait(seconds(10));
  EXPECT_FALSE(worker.take().empty());
}

TEST_F(WorkerTest, WhenEveryThreadHangsTheScrapeGoesOn) {
  const std::vector<const char*> files = {"10/smaps_rollup", "11/smaps_rollup", "12/smaps_rollup"};
  for (const auto* file : files) make_hanging(file);
  FakeProcess{.pid = 13}.write(procfs_);
  PushedClock clock;
  {
    Worker worker(tree_, options(clock.now()));
    worker.submit({request(10), request(11), request(12), request(13)});
    await_stuck(worker, clock, 3);
    const auto began = Clock::now();
    worker.wait(seconds(30));
    EXPECT_LT(Clock::now() - began, seconds(10));
    EXPECT_EQ(worker.stuck().size(), 3u);
  }
  for (const auto* file : files) release(file);
}

/// Needs three parts, and says how many calls it took to read them.
class PartReader final : public ProcessReader {
 public:
  std::optional<Result<Found>> read(const ReadRequest&, ReadControl& control,
                                    std::unique_ptr<ReadProgress>& progress) override {
    if (!progress) progress = std::make_unique<Parts>();
    auto& at = dynamic_cast<Parts&>(*progress);
    ++at.calls;
    while (++at.parts < 3) {
      if (!control.pause(nanoseconds(1))) return std::nullopt;
    }
    MemoryFound found;
    found.rollup_cost = nanoseconds(at.calls);
    return Result<Found>(Found(found));
  }

 private:
  struct Parts final : ReadProgress {
    int parts = 0;
    int calls = 0;
  };
};

int calls(const FinishedRead& read) {
  return static_cast<int>(std::get<MemoryFound>(*read.found).rollup_cost.count());
}

TEST_F(WorkerTest, AReadThatTheBudgetCutsGoesOnWhereItWas) {
  auto budget = std::make_shared<CpuBudget>(1e-12, seconds(100), Clock::now(), whole);
  budget->spend(seconds(100) - nanoseconds(1), 0);  // enough for one part
  Worker worker(tree_, {[](const procfs::Tree&) { return std::make_unique<PartReader>(); }, budget,
                        0, &Clock::now});
  worker.submit({request(10), request(11)});
  worker.wait(seconds(10));
  EXPECT_TRUE(worker.take().empty());
  EXPECT_EQ(worker.cost().deferred, 2u);

  const auto refunded = Clock::now();
  budget->spend(-seconds(50), 0);
  worker.submit({request(11), request(10)});  // the one that was cut goes first all the same
  worker.wait(seconds(10));
  const auto walks = worker.take();
  ASSERT_EQ(walks.size(), 2u);
  EXPECT_EQ(walks[0].request.id.pid, 10);
  EXPECT_EQ(calls(walks[0]), 2);
  EXPECT_LT(walks[0].began, refunded);
  EXPECT_EQ(walks[1].request.id.pid, 11);
  EXPECT_EQ(calls(walks[1]), 1);
  EXPECT_GE(walks[1].began, refunded);
}

}  // namespace
}  // namespace memory_exporter::process
