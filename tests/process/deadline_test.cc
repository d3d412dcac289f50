// Who asks for a collection waits until a deadline and no longer.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collectors/process/monitor.h"
#include "tests/process/fake_process.h"

namespace memory_exporter::process {
namespace {

using memory_exporter::testing::TempTree;
using std::chrono::hours;
using std::chrono::milliseconds;

/// A collection whose walk of one process does not come back.
class HangingWalkTest : public ::testing::TestWithParam<PssMode> {
 protected:
  void SetUp() override {
    FakeProcess{.pid = 10}.write(procfs_);
    procfs_.remove("10/smaps_rollup");
    ASSERT_EQ(::mkfifo(procfs_.path("10/smaps_rollup").c_str(), 0600), 0);
  }
  void TearDown() override {
    ::close(::open(procfs_.path("10/smaps_rollup").c_str(), O_WRONLY));  // lets the reader go
  }

  TempTree procfs_;
  procfs::Tree tree_ = procfs_.open();
};

TEST_P(HangingWalkTest, EndsBeforeTheDeadlineOfWhoAskedForIt) {
  Settings settings;
  settings.pss_mode = GetParam();
  settings.pss_wait = hours(1);
  Monitor monitor(tree_, settings);
  const auto deadline = Clock::now() + milliseconds(1500);
  const auto snapshot = monitor.collect(deadline);
  EXPECT_LT(Clock::now(), deadline);
  ASSERT_TRUE(snapshot);
  EXPECT_EQ((*snapshot)->counts.pending, 1u);
}

INSTANTIATE_TEST_SUITE_P(Modes, HangingWalkTest,
                         ::testing::Values(PssMode::budgeted, PssMode::exact));

}  // namespace
}  // namespace memory_exporter::process
