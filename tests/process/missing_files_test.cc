// What a kernel or a sandbox does not tell is absent; it is no fact about the process.
#include <gtest/gtest.h>

#include <atomic>

#include "collectors/process/monitor.h"
#include "collectors/process/sampling/limits_reader.h"
#include "collectors/process/sampling/pagemap_reader.h"
#include "collectors/process/sampling/rollup_reader.h"
#include "collectors/process/table/process_table.h"
#include "tests/process/fake_process.h"
#include "tests/support/served_file.h"

namespace memory_exporter::process {
namespace {

using memory_exporter::testing::ServedFile;
using memory_exporter::testing::TempTree;
using std::chrono::hours;
using std::chrono::seconds;

constexpr const char* smaps_text =
    "00400000-00401000 r-xp 00000000 08:01 1234 /bin/app\n"
    "Rss: 4 kB\nPss: 1 kB\nPrivate_Clean: 0 kB\nPrivate_Dirty: 0 kB\nSwap: 0 kB\n"
    "01000000-01021000 rw-p 00000000 00:00 0 [heap]\n"
    "Rss: 12 kB\nPss: 12 kB\nPrivate_Clean: 0 kB\nPrivate_Dirty: 12 kB\nSwap: 8 kB\n";

constexpr const char* maps_text =
    "00400000-00401000 r-xp 00000000 08:01 1234 /bin/app\n"
    "01000000-01021000 rw-p 00000000 00:00 0 [heap]\n";

constexpr const char* limits_text =
    "Max stack size            8388608              unlimited            bytes     \n";

std::string without(std::string text, std::string_view key) {
  const auto at = text.find(key);
  EXPECT_NE(at, std::string::npos);
  return text.erase(at, text.find('\n', at) + 1 - at);
}

class MissingFilesTest : public ::testing::Test {
 protected:
  /// A collection in exact mode, and the totals of the only group.
  GroupTotals collect(seconds later = seconds(1), Extras extras = Extras::none) {
    now_ = now_.load() + later;
    const auto snapshot = monitor_.collect(now_.load() + hours(1), extras);
    EXPECT_TRUE(snapshot);
    snapshot_ = *snapshot;
    EXPECT_EQ(snapshot_->groups.size(), 1u);
    return snapshot_->groups.empty() ? GroupTotals{} : snapshot_->groups[0].totals;
  }

  const ProcessCounts& counts() const { return snapshot_->counts; }
  const GroupKey& key() const { return snapshot_->groups.at(0).key; }

  static Bytes unmeasured(const GroupTotals& totals, Unmeasured reason) {
    return totals.unmeasured[static_cast<std::size_t>(reason)];
  }

  TempTree procfs_;
  procfs::Tree tree_ = procfs_.open();
  std::atomic<Clock::time_point> now_{Clock::time_point(hours(1))};
  Settings settings_{.pss_mode = PssMode::exact};
  Monitor monitor_{tree_, settings_, [this] { return now_.load(); }};
  std::shared_ptr<const Snapshot> snapshot_;
};

TEST_F(MissingFilesTest, AStatWithoutAddressesIsNoEnd) {
  FakeProcess{.pid = 10, .start_code = 0, .start_stack = 0}.write(procfs_);
  for (int i = 0; i < 2; ++i) {
    const auto totals = collect();
    EXPECT_EQ(totals.memory.pss, Bytes::from_kib(650));
    EXPECT_EQ(counts().measured, 1u);
    EXPECT_EQ(counts().zombie, 0u);
  }
}

TEST_F(MissingFilesTest, WithoutSmapsRollupSmapsIsAddedUp) {
  FakeProcess{.pid = 10, .has_rollup = false}.write(procfs_);
  procfs_.write("10/smaps", smaps_text);
  const auto totals = collect();
  EXPECT_EQ(totals.memory.pss, Bytes::from_kib(13));
  EXPECT_EQ(totals.uss, Bytes::from_kib(12));
  EXPECT_EQ(totals.memory.swap, Bytes::from_kib(8));
  EXPECT_EQ(totals.memory.pss_anon, std::nullopt) << "smaps has no such figure";
  EXPECT_EQ(counts().measured, 1u);
}

TEST_F(MissingFilesTest, WithoutBothPssIsUnsupportedAndNotPending) {
  FakeProcess{.pid = 10, .has_rollup = false}.write(procfs_);
  const auto totals = collect();
  EXPECT_EQ(totals.memory.pss, std::nullopt);
  EXPECT_EQ(unmeasured(totals, Unmeasured::unsupported), Bytes::from_kib(1000));
  EXPECT_EQ(unmeasured(totals, Unmeasured::pending), Bytes{});
  EXPECT_EQ(counts().unsupported, 1u);
  EXPECT_EQ(counts().pending, 0u);
  EXPECT_TRUE(snapshot_->read_errors.empty());
}

TEST_F(MissingFilesTest, WhatIsUnsupportedIsAskedAgainOnceInAMaxAge) {
  FakeProcess{.pid = 10, .has_rollup = false}.write(procfs_);
  for (std::uint64_t i = 1; i <= tries_in_a_row; ++i) {
    collect();
    EXPECT_EQ(snapshot_->sampling.reads, i) << "it may have met a moment";
  }
  collect(seconds(30));
  EXPECT_EQ(snapshot_->sampling.reads, tries_in_a_row);
  procfs_.write("10/smaps", smaps_text);
  EXPECT_EQ(collect(seconds(31)).memory.pss, Bytes::from_kib(13));
  EXPECT_EQ(counts().unsupported, 0u);
}

TEST_F(MissingFilesTest, AFileWithoutPssIsUnsupportedToo) {
  FakeProcess{.pid = 10}.write(procfs_);
  for (const char* text : {"Rss: 12 kB\n", ""}) {
    procfs_.write("10/smaps_rollup", text);
    Monitor monitor(tree_, settings_);
    const auto snapshot = monitor.collect(Clock::now() + hours(1));
    ASSERT_TRUE(snapshot);
    EXPECT_EQ((*snapshot)->counts.unsupported, 1u) << text;
  }
}

TEST_F(MissingFilesTest, ARollupWithoutAnyFigureIsMalformedAndReadAgain) {
  const FakeProcess process{.pid = 10};
  process.write(procfs_);
  procfs_.write("10/smaps_rollup", "nonsense\n");
  EXPECT_EQ(collect().memory.pss, std::nullopt);
  EXPECT_EQ(counts().unsupported, 0u);
  EXPECT_EQ(counts().pending, 1u);
  EXPECT_EQ(snapshot_->read_errors.at({"smaps_rollup", ErrorKind::malformed}), 1u);
  process.write(procfs_);
  EXPECT_EQ(collect().memory.pss, Bytes::from_kib(650));
}

TEST_F(MissingFilesTest, AProcessThatEndsDuringItsWalkIsNotUnsupported) {
  const FakeProcess process{.pid = 10};
  process.write(procfs_);
  const ServedFile rollup(procfs_.path("10/smaps_rollup"), "", [&] { procfs_.remove("10/stat"); });
  collect();
  EXPECT_EQ(counts().unsupported, 0u);
  EXPECT_EQ(counts().pending, 1u);
}

/// Before 4.5, and in sandboxes.
TEST_F(MissingFilesTest, AResidentSetWithoutItsPartsIsOfNoKind) {
  FakeProcess process{.pid = 10};
  process.write(procfs_);
  auto other = process;
  other.pid = 11;
  other.write(procfs_);
  procfs_.write("11/status", without(without(other.status(), "RssShmem"), "RssAnon"));
  const auto& status = collect().status;
  EXPECT_EQ(status.resident_anon, Bytes::from_kib(300));
  EXPECT_EQ(status.resident_file, Bytes::from_kib(700));
  EXPECT_EQ(status.resident_unsplit, Bytes::from_kib(1000));
  EXPECT_EQ(status.resident, Bytes::from_kib(2000));
}

TEST_F(MissingFilesTest, AStatusWithoutVmSizeIsNoEnd) {
  const FakeProcess process{.pid = 10};
  process.write(procfs_);
  procfs_.write("10/status", without(without(process.status(), "VmSize"), "VmPeak"));
  const auto totals = collect();
  EXPECT_EQ(totals.processes, 1u);
  EXPECT_EQ(totals.status.virtual_size, std::nullopt);
  EXPECT_EQ(totals.status.resident, Bytes::from_kib(1000));
  EXPECT_EQ(totals.memory.pss, Bytes::from_kib(650));
}

TEST_F(MissingFilesTest, AStatusThatSaysNothingIsNoEndWhereStatKnowsOfMemory) {
  const FakeProcess process{.pid = 10};
  process.write(procfs_);
  for (const char* text : {"", "Name:\tapp\nState:\tS (sleeping)\nPPid:\t1\nThreads:\t3\n"}) {
    procfs_.write("10/status", text);
    const auto totals = collect();
    EXPECT_EQ(totals.processes, 1u) << text;
    EXPECT_EQ(totals.status.resident, std::nullopt) << text;
    EXPECT_EQ(totals.memory.pss, Bytes::from_kib(650)) << text;
  }
  procfs_.remove("10/status");
  EXPECT_EQ(collect().processes, 1u);
  EXPECT_EQ(counts().zombie, 0u);
}

TEST_F(MissingFilesTest, OneThatHasLetGoOfItsMemoryHasEnded) {
  FakeProcess process{.pid = 10};
  process.write(procfs_);
  collect();
  process.state = 'R';
  process.has_memory = false;
  process.write(procfs_);
  EXPECT_EQ(collect().processes, 0u);
  EXPECT_EQ(counts().zombie, 1u);
}

TEST_F(MissingFilesTest, WithoutContextSwitchesNobodyRests) {
  FakeProcess process{.pid = 10};
  process.write(procfs_);
  collect();
  process.minor_faults += 7;
  process.write(procfs_);
  EXPECT_EQ(collect().minor_faults, 107u);
}

TEST_F(MissingFilesTest, SwappedSharedMemoryIsUnknownWhereStatusHasNoSwap) {
  const FakeProcess process{.pid = 10, .swap_kib = 40};
  process.write(procfs_);
  EXPECT_EQ(collect().swap_shmem, Bytes{0});
  procfs_.write("10/status", without(process.status(), "VmSwap"));
  EXPECT_EQ(collect().swap_shmem, std::nullopt);
}

TEST_F(MissingFilesTest, AKernelWithoutCgroupsHasProcessesAllTheSame) {
  FakeProcess{.pid = 10}.write(procfs_);
  procfs_.remove("10/cgroup");
  for (int i = 0; i < 3; ++i) {
    const auto totals = collect(seconds(50));
    EXPECT_EQ(totals.processes, 1u);
    EXPECT_EQ(totals.memory.pss, Bytes::from_kib(650));
    EXPECT_EQ(key(), (GroupKey{"app", ""}));
    EXPECT_EQ(counts().zombie, 0u);
  }
}

TEST_F(MissingFilesTest, AProcessThatEndsBeforeItsCgroupIsReadHasEnded) {
  const FakeProcess process{.pid = 10};
  process.write(procfs_);
  FakeProcess{.pid = 11}.write(procfs_);
  const ServedFile stat(procfs_.path("10/stat"), process.stat(), [&] {
    procfs_.remove("10/cgroup");
    procfs_.remove("10/stat");
  });
  EXPECT_EQ(collect().processes, 1u);
  EXPECT_EQ(counts().zombie, 1u);
}

TEST_F(MissingFilesTest, AnotherProcessUnderThePidDoesNotVouchForTheOneBefore) {
  FakeProcess process{.pid = 10};
  process.write(procfs_);
  FakeProcess{.pid = 11}.write(procfs_);
  const auto text = process.stat();
  process.start_time += 1;
  const ServedFile stat(procfs_.path("10/stat"), text, [&] {
    procfs_.remove("10/cgroup");
    procfs_.remove("10/stat");
    procfs_.write("10/stat", process.stat());
  });
  EXPECT_EQ(collect().processes, 1u);
  EXPECT_EQ(counts().zombie, 1u);
}

TEST_F(MissingFilesTest, WithoutATaskDirectoryAProcessWhoseLeaderExitedLives) {
  FakeProcess{.pid = 10, .state = 'Z', .threads = 3, .has_memory = false}.write(procfs_);
  const auto totals = collect();
  EXPECT_EQ(totals.processes, 1u);
  EXPECT_EQ(totals.status.resident, std::nullopt);
  EXPECT_EQ(counts().zombie, 0u);
}

TEST_F(MissingFilesTest, AThreadThatCannotBeReadIsNoEndOfItsProcess) {
  FakeProcess{.pid = 10, .state = 'Z', .threads = 2, .has_memory = false}.write(procfs_);
  FakeProcess{.pid = 11}.write(procfs_);
  procfs_.write("10/task/12/status", "nonsense");
  EXPECT_EQ(collect().processes, 1u);
  EXPECT_EQ(counts().zombie, 0u);
  EXPECT_EQ(snapshot_->read_errors.at({"task", ErrorKind::malformed}), 1u);
}

TEST_F(MissingFilesTest, AnOomScoreThatIsNotThereIsAbsent) {
  FakeProcess{.pid = 10}.write(procfs_);
  EXPECT_EQ(collect(seconds(1), Extras::oom_score).oom_score, std::nullopt);
  EXPECT_EQ(counts().measured, 1u);
  EXPECT_TRUE(snapshot_->read_errors.empty());
}

TEST_F(MissingFilesTest, LimitsAndMappingsStandForThemselves) {
  FakeProcess{.pid = 10}.write(procfs_);
  procfs_.write("10/maps", maps_text);
  auto totals = collect(seconds(1), Extras::limits);
  EXPECT_EQ(totals.mappings, 2u) << "limits is not there";

  procfs_.write("10/limits", "Max stack size            many                 many      bytes\n");
  totals = collect(seconds(1), Extras::limits);
  EXPECT_EQ(totals.mappings, 2u) << "limits is malformed";
  EXPECT_EQ(snapshot_->read_errors.at({"limits", ErrorKind::malformed}), 1u);

  procfs_.write("10/limits", limits_text);
  procfs_.write("10/status", FakeProcess{.pid = 10}.status() + "VmStk:\t 4096 kB\n");
  for (const char* maps : {"", "nonsense\n"}) {
    procfs_.write("10/maps", maps);
    totals = collect(seconds(1), Extras::limits);
    EXPECT_EQ(totals.mappings, std::nullopt) << maps;
    EXPECT_EQ(totals.limit_usage.stack, 0.5) << maps;
  }
  EXPECT_EQ(snapshot_->read_errors.at({"maps", ErrorKind::malformed}), 1u);
  procfs_.remove("10/maps");
  totals = collect(seconds(1), Extras::limits);
  EXPECT_EQ(totals.limit_usage.stack, 0.5) << "maps is not there";
}

TEST_F(MissingFilesTest, WhatIsNotThereIsNotReadInEveryCollection) {
  FakeProcess{.pid = 10}.write(procfs_);
  Monitor budgeted(tree_, {}, [this] { return now_.load(); });
  const auto reads = [&](seconds later) {
    now_ = now_.load() + later;
    const auto snapshot = budgeted.collect(now_.load() + hours(1), Extras::limits);
    return (*snapshot)->readings.at(0).cost.reads;
  };
  EXPECT_EQ(reads(seconds(1)), 1u);
  EXPECT_EQ(reads(seconds(30)), 1u);
  EXPECT_EQ(reads(seconds(31)), 2u);
}

class NeverStops final : public ReadControl {
 public:
  void held() override {}
  void not_held() override {}
  bool pause(std::chrono::nanoseconds) override { return true; }
};

ReadRequest request_for_10() {
  ReadRequest request;
  request.id = {10, 1000};
  request.memory_thread = 10;
  return request;
}

TEST_F(MissingFilesTest, ALargeSmapsIsAddedUpPieceByPiece) {
  constexpr std::uint64_t mappings = 60'000;
  std::string text;
  for (std::uint64_t i = 0; i < mappings; ++i) {
    const auto start = 0x7f0000000000 + i * 0x2000;
    text += fmt::format(
        "{:x}-{:x} rw-p 00000000 00:00 0 \nSize:                  4 kB\nRss:                   4 "
        "kB\nPss:                   4 kB\nShared_Clean:          0 kB\nPrivate_Clean:         0 "
        "kB\nPrivate_Dirty:         4 kB\nReferenced:            4 kB\nSwap:                  0 "
        "kB\nVmFlags: rd wr mr mw me ac \n",
        start, start + 0x1000);
  }
  ASSERT_GT(text.size(), procfs::Tree::largest_text);
  FakeProcess{.pid = 10, .has_rollup = false}.write(procfs_);
  procfs_.write("10/smaps", text);
  NeverStops control;
  const auto walk = RollupReader(tree_).read(request_for_10(), control);
  ASSERT_TRUE(walk) << walk.error().message();
  EXPECT_EQ(walk->memory.pss, Bytes::from_kib(4 * mappings));
  EXPECT_EQ(walk->uss, Bytes::from_kib(4 * mappings));
}

TEST_F(MissingFilesTest, FiguresThatNoMachineCanHoldAreAbsent) {
  FakeProcess{.pid = 10, .has_rollup = false}.write(procfs_);
  std::string text;
  for (const char* range : {"1000-2000", "2000-3000"}) {
    text += range + std::string(" rw-p 00000000 00:00 0 \nPss: 18014398509481983 kB\n");
  }
  procfs_.write("10/smaps", text);
  NeverStops control;
  const auto walk = RollupReader(tree_).read(request_for_10(), control);
  ASSERT_TRUE(walk);
  EXPECT_FALSE(walk->memory.pss);
}

/// A mount namespace may have 100,000 mounts.
TEST_F(MissingFilesTest, ALargeMountTableIsReadPieceByPiece) {
  std::string text;
  while (text.size() <= procfs::Tree::largest_text) {
    text += "25 1 0:23 / /" + std::string(500, 'x') + " rw - tmpfs tmpfs rw\n";
  }
  FakeProcess{.pid = 10}.write(procfs_);
  procfs_.write("kpagecount", "");
  procfs_.write("10/pagemap", "");
  procfs_.write("10/maps", "");
  procfs_.write("10/mountinfo", text + "nonsense\n");
  NeverStops control;
  std::unique_ptr<ReadProgress> progress;
  const auto walk = PagemapReader(tree_).read(request_for_10(), control, progress);
  ASSERT_TRUE(walk && !*walk);
  EXPECT_TRUE((*walk).error().what.starts_with("expected")) << (*walk).error().message();
}

}  // namespace
}  // namespace memory_exporter::process
