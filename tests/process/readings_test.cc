// Files that are read of every process now and then: limits with maps, and smaps.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <map>

#include "collectors/process/monitor.h"
#include "collectors/process/sampling/limits_reader.h"
#include "collectors/process/sampling/mappings_reader.h"
#include "tests/process/fake_process.h"

namespace memory_exporter::process {
namespace {

using memory_exporter::testing::TempTree;
using std::chrono::hours;
using std::chrono::seconds;
using ::testing::IsEmpty;

constexpr const char* limits_text =
    "Limit                     Soft Limit           Hard Limit           Units     \n"
    "Max data size             unlimited            unlimited            bytes     \n"
    "Max stack size            8388608              unlimited            bytes     \n"
    "Max locked memory         65536                65536                bytes     \n"
    "Max address space         unlimited            unlimited            bytes     \n";

constexpr const char* maps_text =
    "00400000-00401000 r-xp 00000000 08:01 1234 /bin/app\n"
    "01000000-01021000 rw-p 00000000 00:00 0 [heap]\n"
    "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0 [stack]\n"
    "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n";

constexpr const char* smaps_text =
    "00400000-00401000 r-xp 00000000 08:01 1234 /bin/app\n"
    "Rss: 4 kB\nPss: 1 kB\nPrivate_Clean: 0 kB\nPrivate_Dirty: 0 kB\nSwap: 0 kB\nVmFlags: rd ex\n"
    "01000000-01021000 rw-p 00000000 00:00 0 [heap]\n"
    "Rss: 12 kB\nPss: 12 kB\nPrivate_Clean: 0 kB\nPrivate_Dirty: 12 kB\nSwap: 8 kB\n"
    "VmFlags: rd wr\n";

class NeverStops final : public ReadControl {
 public:
  void held() override {}
  void not_held() override {}
  bool pause(std::chrono::nanoseconds) override { return true; }
};

class ReadingsTest : public ::testing::Test {
 protected:
  template <typename Reader>
  auto read() {
    NeverStops control;
    Reader reader(tree_);
    ReadRequest request;
    request.id = {10, 1000};
    request.memory_thread = 10;
    return reader.read(request, control);
  }

  TempTree procfs_;
  procfs::Tree tree_ = procfs_.open();
};

TEST_F(ReadingsTest, LimitsComeWithTheNumberOfMappingsWithoutVsyscall) {
  procfs_.write("10/limits", limits_text);
  procfs_.write("10/maps", maps_text);
  const auto found = read<LimitsReader>();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->limits.stack, Bytes{8388608});
  EXPECT_EQ(found->limits.data, std::nullopt);
  EXPECT_EQ(found->mappings, 3u);
}

TEST_F(ReadingsTest, WhereMapsIsMalformedTheLimitsStand) {
  procfs_.write("10/limits", limits_text);
  procfs_.write("10/maps", "nonsense\n");
  const auto found = read<LimitsReader>();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->limits.stack, Bytes{8388608});
  EXPECT_EQ(found->mappings, std::nullopt);
  EXPECT_EQ(found->mappings_failed, ErrorKind::malformed);
  EXPECT_EQ(found->limits_failed, std::nullopt);
}

TEST_F(ReadingsTest, MappingsAddUpByRegion) {
  procfs_.write("10/smaps", smaps_text);
  std::filesystem::create_symlink("/bin/app", procfs_.path("10/exe"));
  const auto found = read<MappingsReader>();
  ASSERT_TRUE(found);
  const auto& text = found->totals[Region::text];
  EXPECT_EQ(text.mappings, 1u);
  EXPECT_EQ(text.virtual_size, Bytes{4096});
  EXPECT_EQ(text.resident, Bytes{4096});
  EXPECT_EQ(text.pss, Bytes{1024});
  EXPECT_EQ(text.uss, Bytes{0});
  const auto& heap = found->totals[Region::heap];
  EXPECT_EQ(heap.uss, Bytes::from_kib(12));
  EXPECT_EQ(heap.swap, Bytes::from_kib(8));
}

TEST_F(ReadingsTest, AProgramThatWasGuessedIsNotRemembered) {
  procfs_.write("10/smaps", smaps_text);
  const auto guessed = read<MappingsReader>();
  ASSERT_TRUE(guessed);
  EXPECT_EQ(guessed->totals[Region::text].mappings, 1u);
  EXPECT_FALSE(guessed->program);
  std::filesystem::create_symlink("/bin/app", procfs_.path("10/exe"));
  const auto known = read<MappingsReader>();
  ASSERT_TRUE(known);
  EXPECT_EQ(known->program, (procfs::MappedFile{8, 1, 1234}));
}

TEST_F(ReadingsTest, AnEmptySmapsIsAProcessThatHasLostItsMemory) {
  procfs_.write("10/smaps", "");
  const auto found = read<MappingsReader>();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::vanished);
}

/// A monitor over a fake tree, with a clock of its own.
class MonitorReadingsTest : public ReadingsTest {
 protected:
  void SetUp() override {
    process_.write(procfs_);
    procfs_.write("10/limits", limits_text);
    procfs_.write("10/maps", maps_text);
    procfs_.write("10/smaps", smaps_text);
  }

  void collect(Extras extras, seconds later = seconds(1)) {
    now_ = now_.load() + later;
    const auto snapshot = monitor_.collect(now_.load() + hours(1), extras);
    ASSERT_TRUE(snapshot);
    snapshot_ = *snapshot;
  }

  const GroupTotals& totals() const { return snapshot_->groups.at(0).totals; }

  std::uint64_t reads(std::string_view file) const {
    for (const auto& reading : snapshot_->readings) {
      if (reading.file == file) return reading.cost.reads;
    }
    ADD_FAILURE() << "no cost of " << file;
    return 0;
  }

  FakeProcess process_{.pid = 10};
  std::atomic<Clock::time_point> now_{Clock::time_point(hours(1))};  ///< readers ask for it too
  Settings settings_{.pss_mode = PssMode::exact};
  Monitor monitor_{tree_, settings_, [this] { return now_.load(); }};
  std::shared_ptr<const Snapshot> snapshot_;
};

class BudgetedReadingsTest : public MonitorReadingsTest {
 protected:
  void collect_budgeted(Extras extras, seconds later = seconds(1)) {
    now_ = now_.load() + later;
    const auto snapshot = budgeted_.collect(now_.load() + hours(1), extras);
    ASSERT_TRUE(snapshot);
    snapshot_ = *snapshot;
  }

  Monitor budgeted_{tree_, {}, [this] { return now_.load(); }};
};

TEST_F(MonitorReadingsTest, NothingIsReadThatNobodyWants) {
  collect(Extras::none);
  EXPECT_EQ(totals().most_mappings, std::nullopt);
  EXPECT_FALSE(totals().regions.totals);
  EXPECT_EQ(reads("limits"), 0u);
  EXPECT_EQ(reads("smaps"), 0u);
}

TEST_F(MonitorReadingsTest, ExactModeReadsInEveryCollection) {
  collect(Extras::limits | Extras::mappings);
  EXPECT_EQ(totals().mappings, 3u);
  ASSERT_TRUE(totals().regions.totals);
  EXPECT_EQ((*totals().regions.totals)[Region::heap].resident, Bytes::from_kib(12));
  EXPECT_EQ(totals().regions.unmeasured, Bytes{});
  const auto before = reads("limits");
  procfs_.write("10/maps", "00400000-00401000 r-xp 00000000 08:01 1234 /bin/app\n");
  collect(Extras::limits | Extras::mappings);
  EXPECT_EQ(totals().mappings, 1u);
  EXPECT_GT(reads("limits"), before);
}

TEST_F(MonitorReadingsTest, TheProgramIsRememberedWithoutAskingForItsNameAgain) {
  // Without a name the first file would be taken for the program.
  procfs_.write("10/smaps",
                "00300000-00302000 r-xp 00000000 08:01 99 /srv/cache\nRss: 8 kB\n"
                "00400000-00401000 r-xp 00000000 08:01 1234 /bin/app\nRss: 4 kB\n");
  std::filesystem::create_symlink("/bin/app", procfs_.path("10/exe"));
  const auto text = [this] {
    collect(Extras::mappings);
    return (*totals().regions.totals)[Region::text].resident;
  };
  EXPECT_EQ(text(), Bytes::from_kib(4));
  procfs_.remove("10/exe");
  EXPECT_EQ(text(), Bytes::from_kib(4));
  process_.start_stack += 4096;  // an exec
  process_.write(procfs_);
  EXPECT_EQ(text(), Bytes::from_kib(8));
}

TEST_F(MonitorReadingsTest, AnExecDropsWhatWasRead) {
  collect(Extras::limits | Extras::mappings);
  process_.start_stack += 4096;
  process_.write(procfs_);
  collect(Extras::none);
  EXPECT_EQ(totals().mappings, std::nullopt);
  EXPECT_FALSE(totals().regions.totals);
}

TEST_F(MonitorReadingsTest, AMalformedFileIsCountedByItsName) {
  procfs_.write("10/maps", "nonsense\n");
  procfs_.write("10/smaps", "nonsense\n");
  collect(Extras::limits | Extras::mappings);
  EXPECT_EQ(totals().mappings, std::nullopt);
  EXPECT_FALSE(totals().regions.totals);
  EXPECT_EQ(totals().regions.unmeasured, Bytes::from_kib(1000));
  const auto& errors = snapshot_->read_errors;
  EXPECT_EQ(errors.count({"maps", ErrorKind::malformed}), 1u);
  EXPECT_EQ(errors.count({"smaps", ErrorKind::malformed}), 1u);
  EXPECT_EQ(errors.count({"limits", ErrorKind::malformed}), 0u);
}

TEST_F(MonitorReadingsTest, AProcessThatVanishesIsNoError) {
  for (const char* file : {"10/limits", "10/maps", "10/smaps"}) procfs_.remove(file);
  collect(Extras::limits | Extras::mappings);
  EXPECT_EQ(totals().mappings, std::nullopt);
  EXPECT_THAT(snapshot_->read_errors, IsEmpty());
}

TEST_F(BudgetedReadingsTest, LimitsAreReadOnceInAMaxAge) {
  collect_budgeted(Extras::limits);
  EXPECT_EQ(totals().mappings, 3u);
  collect_budgeted(Extras::limits, seconds(30));
  EXPECT_EQ(reads("limits"), 1u);
  collect_budgeted(Extras::limits, seconds(31));
  EXPECT_EQ(reads("limits"), 2u);
}

TEST_F(BudgetedReadingsTest, AReadingThatHangsKeepsNobodyElsesBack) {
  FakeProcess{.pid = 11}.write(procfs_);
  procfs_.write("11/smaps", smaps_text);
  procfs_.remove("10/smaps");
  ASSERT_EQ(::mkfifo(procfs_.path("10/smaps").c_str(), 0600), 0);  // opening it hangs
  const auto covered = [this] {
    return snapshot_ && totals().regions.totals &&
           totals().regions.unmeasured == Bytes::from_kib(1000);
  };
  for (int i = 0; i < 1000 && !covered(); ++i) {
    collect_budgeted(Extras::mappings, seconds(1));
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_TRUE(covered()) << "one of two";
  ::close(::open(procfs_.path("10/smaps").c_str(), O_WRONLY));
}

TEST_F(BudgetedReadingsTest, WhatCouldNotBeReadIsNotTriedAgainAtOnce) {
  procfs_.write("10/limits", "Max stack size            many                 many      bytes\n");
  const ReadErrorKey key{"limits", ErrorKind::malformed};
  collect_budgeted(Extras::limits);
  collect_budgeted(Extras::limits, seconds(30));
  EXPECT_EQ(snapshot_->read_errors.at(key), 1u);
  collect_budgeted(Extras::limits, seconds(31));
  EXPECT_EQ(snapshot_->read_errors.at(key), 2u);
}

TEST_F(BudgetedReadingsTest, RegionsComeInTheirOwnTime) {
  // No scrape waits for them.
  for (int i = 0; i < 500 && (!snapshot_ || !totals().regions.totals); ++i) {
    collect_budgeted(Extras::mappings, seconds(0));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ASSERT_TRUE(totals().regions.totals);
  EXPECT_EQ(reads("smaps"), 1u);
  collect_budgeted(Extras::mappings, seconds(299));
  EXPECT_EQ(reads("smaps"), 1u);
  EXPECT_EQ(totals().regions.oldest_seconds, 299.0);
}

TEST(OffModeReadings, LimitsAreReadAndNoPageTableIsWalked) {
  TempTree procfs;
  FakeProcess{.pid = 10}.write(procfs);
  procfs.write("10/limits", limits_text);
  procfs.write("10/maps", maps_text);
  procfs.write("10/smaps", smaps_text);
  const auto tree = procfs.open();
  Monitor monitor(tree, {.pss_mode = PssMode::off});
  const auto snapshot =
      monitor.collect(Clock::now() + seconds(10), Extras::limits | Extras::mappings);
  ASSERT_TRUE(snapshot);
  const auto& totals = (*snapshot)->groups.at(0).totals;
  EXPECT_EQ(totals.mappings, 3u);
  EXPECT_FALSE(totals.regions.totals);
}

}  // namespace
}  // namespace memory_exporter::process
