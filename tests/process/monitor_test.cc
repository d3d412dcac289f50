#include "collectors/process/monitor.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <thread>

#include "collectors/procfs/smaps_rollup.h"

namespace memory_exporter::process {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t mebibyte = 1024 * 1024;

/// `size` bytes of private memory, every page of it written.
char* private_memory(std::size_t size) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ::madvise(memory, size, MADV_NOHUGEPAGE);
  std::fill_n(static_cast<char*>(memory), size, 'x');
  return static_cast<char*>(memory);
}

/// A real child under a name of its own, doing `work` and then waiting to be killed.
class Child {
 public:
  Child(const char* name, const std::function<void()>& work) {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::prctl(PR_SET_NAME, name);
      ready_fd = ready[1];
      work();
      tell_ready();
      while (true) ::pause();
    }
    ::close(ready[1]);
    char byte;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1) << name;
    ::close(ready[0]);
  }
  ~Child() { end(); }

  static void tell_ready() { EXPECT_EQ(::write(ready_fd, "r", 1), 1); }

  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  void freeze() const {
    ::kill(pid_, SIGSTOP);
    int status = 0;
    ::waitpid(pid_, &status, WUNTRACED);
  }
  pid_t pid() const { return pid_; }

 private:
  static inline int ready_fd = -1;
  pid_t pid_ = -1;
};

class MonitorTest : public ::testing::Test {
 protected:
  static Options by_name() {
    Options options;
    options.group_by = {Dimension::name};
    return options;
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
  const Child child("mt_private", [] { private_memory(8 * mebibyte); });
  child.freeze();
  Monitor monitor(tree_, by_name());
  const auto group = totals(*collect(monitor), "mt_private");
  const auto kernel = rollup(child.pid());
  EXPECT_EQ(group.processes, 1u);
  EXPECT_EQ(group.memory.pss_anon, kernel.pss_anon);
  EXPECT_EQ(group.memory.pss_file, kernel.pss_file);
  EXPECT_EQ(group.memory.pss_shmem, kernel.pss_shmem);
  EXPECT_EQ(group.memory.uss(), kernel.uss());
  EXPECT_GE(*group.memory.pss_anon, Bytes{8 * mebibyte});
}

TEST_F(MonitorTest, AForkedPageIsSharedHalfAndHalfUntilOneExits) {
  const Child parent("mt_parent", [] {
    private_memory(16 * mebibyte);
    if (::fork() == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::prctl(PR_SET_NAME, "mt_child");
      while (true) ::pause();
    }
    ::usleep(50'000);  // until it has its name
  });
  Monitor monitor(tree_, by_name());
  auto snapshot = collect(monitor);
  const Bytes half{8 * mebibyte};
  const Bytes slack{mebibyte};
  for (const char* name : {"mt_parent", "mt_child"}) {
    const auto anon = totals(*snapshot, name).memory.pss_anon.value();
    EXPECT_GE(anon, half) << name;
    EXPECT_LE(anon, half + slack) << name;
  }
}

TEST_F(MonitorTest, WhenASharerExitsTheOthersPssFollowsWithinOneCollection) {
  auto shared = std::make_unique<Child>("mt_sharer", [] { private_memory(16 * mebibyte); });
  Monitor monitor(tree_, by_name());
  // The child borrows this test's pages: its siblings are children of the same parent.
  private_memory(mebibyte);
  auto sibling = std::make_unique<Child>("mt_sibling", [] {});
  collect(monitor);
  const auto before = totals(*collect(monitor), "mt_sibling").memory.pss.value();
  std::this_thread::sleep_for(seconds(1));  // its stall budget
  shared.reset();
  const auto snapshot = collect(monitor);
  const auto group = totals(*snapshot, "mt_sibling");
  EXPECT_EQ(group.memory.pss, rollup(sibling->pid()).pss);
  EXPECT_GT(*group.memory.pss, before);
}

TEST_F(MonitorTest, AVforkChildsMemoryIsCountedOnce) {
  const Child parent("mt_vfork", [] {
    private_memory(8 * mebibyte);
    alignas(16) static char stack[64 * 1024];
    std::thread([&] {
      ::clone(
          [](void*) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::prctl(PR_SET_NAME, "mt_vchild");
            Child::tell_ready();
            while (true) ::pause();
            return 0;
          },
          stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, nullptr);
    }).detach();
  });
  std::this_thread::sleep_for(milliseconds(100));
  Monitor monitor(tree_, by_name());
  const auto snapshot = collect(monitor);
  EXPECT_GE(totals(*snapshot, "mt_vfork").status.resident.value(), Bytes{8 * mebibyte});
  const auto borrowed = totals(*snapshot, "mt_vchild");
  EXPECT_EQ(borrowed.processes, 1u);
  EXPECT_FALSE(borrowed.status.resident.has_value());
  EXPECT_FALSE(borrowed.memory.pss.has_value());
}

TEST_F(MonitorTest, AProcessWhoseLeaderExitedIsStillMeasured) {
  const Child child("mt_leader", [] {
    std::thread([] {
      ::prctl(PR_SET_NAME, "mt_worker");
      private_memory(8 * mebibyte);
      Child::tell_ready();
      while (true) ::pause();
    }).detach();
    ::syscall(SYS_exit, 0);  // this thread alone
  });
  std::this_thread::sleep_for(milliseconds(100));
  Monitor monitor(tree_, by_name());
  const auto group = totals(*collect(monitor), "mt_leader");
  EXPECT_EQ(group.processes, 1u);
  EXPECT_GE(group.status.resident.value(), Bytes{8 * mebibyte});
  EXPECT_GE(group.memory.pss.value(), Bytes{8 * mebibyte});
}

TEST_F(MonitorTest, FaultsOfTheDeadStayInTheirGroup) {
  Monitor monitor(tree_, by_name());
  Child child("mt_faults", [] { private_memory(8 * mebibyte); });
  const auto alive = totals(*collect(monitor), "mt_faults").minor_faults;
  EXPECT_GE(alive, 2048u);
  child.end();
  const auto dead = totals(*collect(monitor), "mt_faults");
  EXPECT_EQ(dead.processes, 0u);
  EXPECT_EQ(dead.minor_faults, alive);
}

TEST_F(MonitorTest, TheStatusOnlyCollectionWalksNothing) {
  const Child child("mt_status", [] { private_memory(8 * mebibyte); });
  Monitor monitor(tree_, by_name());
  const auto snapshot = monitor.collect_status_only();
  ASSERT_TRUE(snapshot);
  const auto group = totals(**snapshot, "mt_status");
  EXPECT_FALSE(group.memory.pss.has_value());
  EXPECT_GE(group.unmeasured[static_cast<std::size_t>(Unmeasured::pending)], Bytes{8 * mebibyte});
  EXPECT_EQ((*snapshot)->sampling.reads, 0u);
  EXPECT_EQ((*snapshot)->counts.measured, 0u);
}

TEST_F(MonitorTest, UnchangedProcessesAreNotWalkedAgainButInExactMode) {
  const Child child("mt_idle", [] { private_memory(mebibyte); });
  child.freeze();
  auto options = by_name();
  Monitor budgeted(tree_, options);
  options.pss_mode = PssMode::exact;
  Monitor exact(tree_, options);
  for (auto* monitor : {&budgeted, &exact}) collect(*monitor);
  const auto walks_again = [&](Monitor& monitor) {
    const auto before = collect(monitor)->sampling.reads;
    return collect(monitor)->sampling.reads - before;
  };
  EXPECT_GE(walks_again(exact), collect(exact)->counts.measured);
  EXPECT_LT(walks_again(budgeted), 5u);
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
}  // namespace memory_exporter::process
