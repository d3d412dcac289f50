#include "collectors/process/monitor.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "collectors/procfs/smaps_rollup.h"
#include "tests/support/child.h"

namespace memory_exporter::process {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

using namespace memory_exporter::testing;

void hold_one() {
  private_memory(mebibyte);
}

void hold_eight() {
  private_memory(8 * mebibyte);
}

/// Sixteen mebibytes shared with a child of its own.
void share_with_a_child() {
  private_memory(16 * mebibyte);
  fork_sharer([] {
    ::prctl(PR_SET_NAME, "mt_child");
    tell_ready();
  });
  wait_to_be_killed();
}

/// The same with a child that ends when this process is told to let it.
void share_for_a_while() {
  private_memory(16 * mebibyte);
  static pid_t sharer = fork_sharer([] {});
  ::signal(SIGUSR1, [](int) {
    ::kill(sharer, SIGKILL);
    ::waitpid(sharer, nullptr, 0);
    tell_ready();
  });
}

/// Suspended in vfork while its child, still on its memory, waits.
void lend_memory() {
  private_memory(8 * mebibyte);
  alignas(16) static char stack[64 * 1024];
  ::clone(
      [](void*) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::prctl(PR_SET_NAME, "mt_vchild");
        tell_ready();
        wait_to_be_killed();
        return 0;
      },
      stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, nullptr);
}

/// Ends its first thread while another holds the memory.
void outlive_the_leader() {
  std::thread([] {
    ::prctl(PR_SET_NAME, "mt_worker");
    private_memory(8 * mebibyte);
    ::usleep(50'000);
    tell_ready();
    wait_to_be_killed();
  }).detach();
  ::syscall(SYS_exit, 0);  // this thread alone
}

const Roles roles = {
    {"mt_private", hold_eight},        {"mt_parent", share_with_a_child},
    {"mt_sharing", share_for_a_while}, {"mt_vfork", lend_memory},
    {"mt_leader", outlive_the_leader}, {"mt_faults", hold_eight},
    {"mt_status", hold_eight},         {"mt_idle", hold_one},
};

class MonitorTest : public ::testing::Test {
 protected:
  static Settings by_name() {
    Settings settings;
    settings.group_by = {dimension_named("name")};
    settings.pss_wait =
        seconds(10);  // a machine busy with other tests is slower than a scrape waits
    return settings;
  }

  std::shared_ptr<const Snapshot> collect(Monitor& monitor) {
    auto snapshot = monitor.collect(Clock::now() + seconds(10));
    EXPECT_TRUE(snapshot);
    return *snapshot;
  }

  static GroupTotals totals(const Snapshot& snapshot, std::string_view name) {
    for (const auto& group : snapshot.groups) {
      if (group.key.front() == name) return group.totals;
    }
    ADD_FAILURE() << "no group " << name;
    return {};
  }

  procfs::SmapsRollup rollup(pid_t pid) {
    const auto path = std::to_string(pid) + "/smaps_rollup";
    const auto text = tree_.read(path.c_str(), buffer_);
    EXPECT_TRUE(text);
    return *procfs::parse_smaps_rollup(*text);
  }

  procfs::Tree tree_ = std::move(*procfs::Tree::open("/proc"));
  procfs::Buffer buffer_;
};

TEST_F(MonitorTest, AGroupsPssAndUssAreTheKernelsToTheByte) {
  const Child child("mt_private");
  child.freeze();
  Monitor monitor(tree_, by_name());
  const auto group = totals(*collect(monitor), "mt_private");
  const auto kernel = rollup(child.pid());
  EXPECT_EQ(group.processes, 1u);
  EXPECT_EQ(group.memory.pss_anon, kernel.pss_anon);
  EXPECT_EQ(group.memory.pss_shmem, kernel.pss_shmem);
  EXPECT_EQ(group.memory.private_dirty, kernel.private_dirty);
  EXPECT_GE(*group.memory.pss_anon, Bytes{8 * mebibyte});
}

TEST_F(MonitorTest, AForkedPageIsSharedHalfAndHalf) {
  const Child parent("mt_parent");
  Monitor monitor(tree_, by_name());
  const auto snapshot = collect(monitor);
  for (const char* name : {"mt_parent", "mt_child"}) {
    const auto group = totals(*snapshot, name);
    const auto shared_away =
        saturating_subtract(group.status.resident_anon.value(), group.memory.pss_anon.value());
    EXPECT_GE(group.memory.pss_anon.value(), Bytes{8 * mebibyte}) << name;
    EXPECT_GE(shared_away, Bytes{8 * mebibyte - mebibyte / 4}) << name;
  }
}

TEST_F(MonitorTest, WhenASharerExitsTheOthersPssFollowsWithinOneCollection) {
  const Child child("mt_sharing");
  auto settings = by_name();
  settings.pss_stall_budget = 1e6;  // or the first walk would have to be slept off
  settings.pss_stall_limit =
      seconds(10);  // nobody waits for a giant, as it may look on a busy machine
  Monitor monitor(tree_, settings);
  collect(monitor);
  child.signal(SIGUSR1);
  child.await_ready();
  child.freeze();
  const auto group = totals(*collect(monitor), "mt_sharing");
  EXPECT_EQ(group.processes, 1u);
  EXPECT_EQ(group.memory.pss_anon, rollup(child.pid()).pss_anon);
  EXPECT_GE(group.memory.pss_anon.value(), Bytes{16 * mebibyte});
}

TEST_F(MonitorTest, AVforkChildsMemoryIsCountedOnce) {
  const Child parent("mt_vfork");
  Monitor monitor(tree_, by_name());
  const auto snapshot = collect(monitor);
  EXPECT_GE(totals(*snapshot, "mt_vfork").status.resident.value(), Bytes{8 * mebibyte});
  const auto borrowed = totals(*snapshot, "mt_vchild");
  EXPECT_EQ(borrowed.processes, 1u);
  EXPECT_FALSE(borrowed.status.resident.has_value());
  EXPECT_FALSE(borrowed.memory.pss.has_value());
}

TEST_F(MonitorTest, AProcessWhoseLeaderExitedIsStillMeasured) {
  const Child child("mt_leader");
  Monitor monitor(tree_, by_name());
  const auto group = totals(*collect(monitor), "mt_leader");
  EXPECT_EQ(group.processes, 1u);
  EXPECT_GE(group.status.resident.value(), Bytes{8 * mebibyte});
  EXPECT_GE(group.memory.pss.value(), Bytes{8 * mebibyte});
}

TEST_F(MonitorTest, FaultsOfTheDeadStayInTheirGroup) {
  Monitor monitor(tree_, by_name());
  Child child("mt_faults");
  const auto alive = totals(*collect(monitor), "mt_faults").minor_faults;
  EXPECT_GE(alive, 2048u);
  child.end();
  const auto dead = totals(*collect(monitor), "mt_faults");
  EXPECT_EQ(dead.processes, 0u);
  EXPECT_EQ(dead.minor_faults, alive);
}

TEST_F(MonitorTest, TheStatusOnlyCollectionWalksNothing) {
  const Child child("mt_status");
  Monitor monitor(tree_, by_name());
  const auto snapshot = monitor.collect_status_only();
  ASSERT_TRUE(snapshot);
  const auto group = totals(**snapshot, "mt_status");
  EXPECT_FALSE(group.memory.pss.has_value());
  EXPECT_GE(group.unmeasured[static_cast<std::size_t>(Unmeasured::pending)], Bytes{8 * mebibyte});
  EXPECT_EQ((*snapshot)->sampling.reads, 0u);
  EXPECT_EQ((*snapshot)->counts.measured, 0u);
}

TEST_F(MonitorTest, LooksAtMappedMemoryAsEachCollectionBegins) {
  Monitor monitor(tree_, {});
  const auto status_only = monitor.collect_status_only();
  ASSERT_TRUE(status_only);
  EXPECT_EQ((*status_only)->mapped_before, std::nullopt);
  const auto snapshot = monitor.collect(Clock::now());
  ASSERT_TRUE(snapshot);
  ASSERT_TRUE((*snapshot)->mapped_before);
  EXPECT_GT((*snapshot)->mapped_before->anon, Bytes{0});
  EXPECT_GT((*snapshot)->mapped_before->mapped, Bytes{0});
}

TEST_F(MonitorTest, UnchangedProcessesAreNotWalkedAgainButInExactMode) {
  const Child child("mt_idle");
  child.freeze();
  const auto age_after_two = [this](PssMode mode) {
    auto settings = by_name();
    settings.pss_mode = mode;
    Monitor monitor(tree_, settings);
    collect(monitor);
    const auto between = Clock::now();
    const auto age = totals(*collect(monitor), "mt_idle").oldest_sample_seconds.value();
    return std::pair(age, std::chrono::duration<double>(Clock::now() - between).count());
  };
  const auto [exact, since_exact] = age_after_two(PssMode::exact);
  EXPECT_LT(exact, since_exact);
  const auto [budgeted, since_budgeted] = age_after_two(PssMode::budgeted);
  EXPECT_GT(budgeted, since_budgeted * 0.5);
}

TEST_F(MonitorTest, SumsOfPssNeverExceedTheMemoryInUse) {
  Monitor monitor(tree_, by_name());
  const auto snapshot = collect(monitor);
  std::uint64_t pss = 0;
  std::uint64_t resident = 0;
  for (const auto& group : snapshot->groups) {
    pss += group.totals.memory.pss.value_or(Bytes{}).value;
    resident += group.totals.status.resident.value_or(Bytes{}).value;
  }
  EXPECT_GT(pss, 0u);
  EXPECT_LT(pss, resident);
}

}  // namespace

int run(int argc, char** argv) {
  return run_tests_or_role(argc, argv, roles);
}

}  // namespace memory_exporter::process

int main(int argc, char** argv) {
  return memory_exporter::process::run(argc, argv);
}
