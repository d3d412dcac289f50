// The exporter's own descriptors run out: that says nothing of the processes.
#include <gtest/gtest.h>

#include <atomic>

#include "collectors/process/monitor.h"
#include "collectors/process/sampling/worker.h"
#include "collectors/process/table/process_table.h"
#include "tests/process/fake_process.h"
#include "tests/support/served_file.h"

namespace memory_exporter::process {
namespace {

using memory_exporter::testing::NoDescriptors;
using memory_exporter::testing::ServedFile;
using memory_exporter::testing::TempTree;
using std::chrono::hours;
using std::chrono::seconds;

class ExhaustedTest : public ::testing::Test {
 protected:
  ExhaustedTest() {
    for (const int pid : {10, 11}) FakeProcess{.pid = pid}.write(procfs_);
  }

  Result<std::shared_ptr<const Snapshot>> collect(Extras extras = Extras::none) {
    now_ = now_.load() + seconds(1);
    return monitor_.collect(now_.load() + hours(1), extras);
  }

  static const GroupTotals& totals(const Snapshot& snapshot) {
    EXPECT_EQ(snapshot.groups.size(), 1u);
    return snapshot.groups.at(0).totals;
  }

  NoDescriptors no_descriptors_;
  TempTree procfs_;
  procfs::Tree tree_ = procfs_.open();
  std::atomic<Clock::time_point> now_{Clock::time_point(hours(1))};
  Monitor monitor_{tree_, {.pss_mode = PssMode::exact}, [this] { return now_.load(); }};
};

TEST_F(ExhaustedTest, ACollectionFailsAndTheNextOneIsAsBefore) {
  ASSERT_TRUE(collect());
  no_descriptors_.start();
  const auto failed = collect();
  no_descriptors_.stop();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::exhausted);
  const auto snapshot = collect();
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(totals(**snapshot).processes, 2u);
  EXPECT_EQ(totals(**snapshot).minor_faults, 200u);
  EXPECT_EQ((*snapshot)->counts.measured, 2u);
}

/// At every file of a new process that is read after the first one.
TEST_F(ExhaustedTest, ARefreshThatRunsDryInTheMiddleDropsAndJudgesNobody) {
  ASSERT_TRUE(collect(Extras::oom_score));
  const FakeProcess newcomer{.pid = 12};
  const std::pair<const char*, std::string> files[] = {{"12/status", newcomer.status()},
                                                       {"12/stat", newcomer.stat()},
                                                       {"12/cgroup", newcomer.cgroup}};
  for (const auto& [file, text] : files) {
    newcomer.write(procfs_);
    procfs_.write("12/oom_score", "1\n");
    {
      const ServedFile served(procfs_.path(file), text, [&] { no_descriptors_.start(); });
      const auto failed = collect(Extras::oom_score);
      no_descriptors_.stop();
      ASSERT_FALSE(failed) << file;
      EXPECT_EQ(failed.error().kind, ErrorKind::exhausted) << file;
    }
    procfs_.remove("12");
    const auto snapshot = collect(Extras::oom_score);
    ASSERT_TRUE(snapshot) << file;
    EXPECT_EQ(totals(**snapshot).processes, 2u) << file;
    EXPECT_EQ(totals(**snapshot).memory.pss, Bytes::from_kib(1300)) << file;
    EXPECT_EQ(totals(**snapshot).minor_faults, 200u) << file;
    EXPECT_EQ((*snapshot)->counts.zombie, 0u) << file;
    EXPECT_EQ((*snapshot)->counts.denied, 0u) << file;
  }
}

TEST_F(ExhaustedTest, AChangeSeenBeforeItIsNotForgotten) {
  const FakeProcess child{.pid = 12, .ppid = 10};
  ProcessTable table(tree_, {true, seconds(60), [](pid_t, pid_t) { return MemoryOrder::unknown; }});
  const auto start = now_.load();
  ASSERT_TRUE(table.refresh(start));
  child.write(procfs_);
  {
    const ServedFile served(procfs_.path("12/cgroup"), child.cgroup,
                            [&] { no_descriptors_.start(); });
    procfs_.write("12/oom_score", "1\n");
    ASSERT_FALSE(table.refresh(start + seconds(1), Extras::oom_score));
    no_descriptors_.stop();
  }
  procfs_.remove("12");
  child.write(procfs_);
  ASSERT_TRUE(table.refresh(start + seconds(2)));
  EXPECT_EQ(table.processes().at(10).relatives_changed, start + seconds(2));
}

TEST_F(ExhaustedTest, AWalkThatRunsDryIsNoDenialAndIsAskedForAgain) {
  procfs_.remove("11");
  // The last file that the refresh reads: what follows are the walks.
  const ServedFile served(procfs_.path("10/oom_score"), "1\n", [&] { no_descriptors_.start(); });
  Monitor budgeted(tree_, {}, [this] { return now_.load(); });
  const auto snapshot = budgeted.collect(now_.load() + hours(1), Extras::oom_score);
  no_descriptors_.stop();
  ASSERT_TRUE(snapshot);
  EXPECT_EQ((*snapshot)->counts.denied, 0u);
  EXPECT_EQ((*snapshot)->counts.zombie, 0u);
  EXPECT_EQ((*snapshot)->counts.pending, 1u);
  EXPECT_EQ((*snapshot)->read_errors.at({"smaps_rollup", ErrorKind::exhausted}), 1u);
  const auto next = budgeted.collect(now_.load() + hours(1));
  ASSERT_TRUE(next);
  EXPECT_EQ((*next)->counts.measured, 1u);
}

TEST_F(ExhaustedTest, ASampleOutlivesAWalkThatRunsDry) {
  procfs_.remove("11");
  Monitor budgeted(tree_, {}, [this] { return now_.load(); });
  ASSERT_TRUE(budgeted.collect(now_.load() + hours(1)));
  FakeProcess{.pid = 10, .anon_kib = 400}.write(procfs_);
  now_ = now_.load() + seconds(1);
  const ServedFile served(procfs_.path("10/oom_score"), "1\n", [&] { no_descriptors_.start(); });
  const auto snapshot = budgeted.collect(now_.load() + hours(1), Extras::oom_score);
  no_descriptors_.stop();
  ASSERT_TRUE(snapshot);
  EXPECT_EQ((*snapshot)->read_errors.at({"smaps_rollup", ErrorKind::exhausted}), 1u);
  EXPECT_EQ(totals(**snapshot).memory.pss, Bytes::from_kib(650)) << "as it was sampled";
}

TEST_F(ExhaustedTest, ReadingsOutliveOneThatRunsDry) {
  procfs_.remove("11");
  procfs_.write("10/maps", "00400000-00401000 r-xp 00000000 08:01 1234 /bin/app\n");
  procfs_.write("10/oom_score", "1\n");
  Monitor budgeted(tree_, {}, [this] { return now_.load(); });
  ASSERT_TRUE(budgeted.collect(now_.load() + hours(1), Extras::limits));
  now_ = now_.load() + seconds(61);
  const ServedFile served(procfs_.path("10/oom_score"), "1\n", [&] { no_descriptors_.start(); });
  const auto snapshot =
      budgeted.collect(now_.load() + hours(1), Extras::limits | Extras::oom_score);
  no_descriptors_.stop();
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(totals(**snapshot).mappings, 1u);
  EXPECT_GE((*snapshot)->read_errors.at({"limits", ErrorKind::exhausted}), 1u);
}

/// Runs out of memory.
class HungryReader final : public ProcessReader {
 public:
  std::optional<Result<Found>> read(const ReadRequest&, ReadControl&,
                                    std::unique_ptr<ReadProgress>&) override {
    throw std::bad_alloc();
  }
};

TEST_F(ExhaustedTest, AWalkWithoutMemoryIsExhausted) {
  Worker worker(tree_, {[](const procfs::Tree&) { return std::make_unique<HungryReader>(); },
                        CpuBudget::unlimited(), 0, &Clock::now});
  ReadRequest request;
  request.id.pid = 10;
  worker.submit({request});
  worker.wait(seconds(10));
  const auto walks = worker.take();
  ASSERT_EQ(walks.size(), 1u);
  ASSERT_FALSE(walks[0].found);
  EXPECT_EQ(walks[0].found.error().kind, ErrorKind::exhausted);
}

}  // namespace
}  // namespace memory_exporter::process
