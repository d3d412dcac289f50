// A process that has not run is not read in full again: what is skipped, and what ends the rest.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "collectors/process/grouping/grouping.h"
#include "collectors/process/table/process_table.h"
#include "tests/process/fake_process.h"

namespace memory_exporter::process {
namespace {

using memory_exporter::testing::TempTree;
using std::chrono::seconds;

MemoryOrder nobody_knows(pid_t, pid_t) {
  return MemoryOrder::unknown;
}

class IdleProcessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    process_.write(procfs_);
    refresh();
  }

  void refresh(seconds later = seconds(1)) {
    now_ += later;
    ASSERT_TRUE(table_.refresh(now_));
    grouping_.assign(table_.processes(), now_);
  }

  /// Changes only stat, and says whether the table notices.
  bool reads_stat(seconds later = seconds(1)) {
    process_.minor_faults += 7;
    process_.write(procfs_);
    refresh(later);
    return table_.processes().at(10).minor_faults == process_.minor_faults;
  }

  TempTree procfs_;
  procfs::Tree tree_ = procfs_.open();
  Clock::time_point now_{std::chrono::hours(1)};
  ProcessTable table_{tree_, {false, seconds(60), nobody_knows}};
  Grouping grouping_{{dimension_named("name")}};
  FakeProcess process_{.pid = 10, .switches = 100};
};

TEST_F(IdleProcessTest, ItsStatIsNotReadAgain) {
  EXPECT_FALSE(reads_stat());
}

TEST_F(IdleProcessTest, ItsMemoryIsReadEveryTime) {
  process_.anon_kib = 5000;
  process_.write(procfs_);
  refresh();
  EXPECT_EQ(table_.processes().at(10).resident(), Bytes::from_kib(5700));
}

TEST_F(IdleProcessTest, StaysInItsGroupAndCountsOn) {
  refresh();
  const auto groups = grouping_.publish(table_.processes(), now_);
  ASSERT_EQ(groups.size(), 1u);
  EXPECT_EQ(groups[0].totals.processes, 1u);
  EXPECT_EQ(groups[0].totals.threads, 1u);
  EXPECT_EQ(groups[0].totals.minor_faults, 100u);
}

TEST_F(IdleProcessTest, ARunEndsTheRest) {
  ++*process_.switches;
  EXPECT_TRUE(reads_stat());
  EXPECT_FALSE(reads_stat()) << "and then it rests again";
}

TEST_F(IdleProcessTest, OneThatRunsNowIsNotAtRest) {
  process_.state = 'R';
  EXPECT_TRUE(reads_stat());
  EXPECT_TRUE(reads_stat());
}

TEST_F(IdleProcessTest, OfSeveralThreadsAnyMayHaveRun) {
  process_.threads = 2;
  EXPECT_TRUE(reads_stat());
  EXPECT_TRUE(reads_stat());
}

TEST_F(IdleProcessTest, AKernelThatDoesNotTellIsAskedEveryTime) {
  process_.switches.reset();
  EXPECT_TRUE(reads_stat());
  EXPECT_TRUE(reads_stat());
}

TEST_F(IdleProcessTest, AnotherProcessUnderItsPidIsNoticed) {
  // Kept, so that the file system cannot hand the same inode out again.
  std::filesystem::rename(procfs_.path("10"), procfs_.path("kept"));
  process_.start_time = 2000;
  process_.write(procfs_);
  refresh();
  EXPECT_EQ(table_.processes().at(10).id, (ProcessId{10, 2000}));
}

TEST_F(IdleProcessTest, AnAdoptionIsNoticed) {
  process_.ppid = 4;
  EXPECT_TRUE(reads_stat());
  EXPECT_EQ(table_.processes().at(10).parent, 4);
}

TEST_F(IdleProcessTest, AnEndIsNoticed) {
  process_.state = 'Z';
  process_.has_memory = false;
  process_.write(procfs_);
  refresh();
  EXPECT_TRUE(table_.processes().at(10).ended);
  procfs_.remove("10");
  refresh();
  EXPECT_TRUE(table_.processes().empty());
}

TEST_F(IdleProcessTest, IsReadInFullOnceInAMaxAge) {
  EXPECT_FALSE(reads_stat(seconds(59)));
  EXPECT_TRUE(reads_stat(seconds(1)));
}

TEST_F(IdleProcessTest, AKernelThreadIsReadOnceInAMaxAge) {
  FakeProcess thread{.pid = 2, .comm = "kthreadd", .flags = 0x208040};
  thread.write(procfs_);
  refresh();
  thread.flags = 0;
  thread.write(procfs_);
  refresh(seconds(30));
  EXPECT_EQ(table_.others().kernel, 1u);
  EXPECT_FALSE(table_.processes().contains(2));
  refresh(seconds(60));
  EXPECT_EQ(table_.others().kernel, 0u);
  EXPECT_TRUE(table_.processes().contains(2));
}

/// A real process that touches so many new pages for each byte it is sent, and then sleeps.
class Toucher {
 public:
  static constexpr std::size_t pages = 50;

  Toucher() {
    EXPECT_EQ(::pipe(requests_), 0);
    EXPECT_EQ(::pipe(answers_), 0);
    pid_ = ::fork();
    if (pid_ == 0) run();
  }
  ~Toucher() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    for (const int end : {requests_[0], requests_[1], answers_[0], answers_[1]}) ::close(end);
  }
  Toucher(const Toucher&) = delete;
  Toucher& operator=(const Toucher&) = delete;

  void touch() {
    char byte = 0;
    EXPECT_EQ(::write(requests_[1], &byte, 1), 1);
    EXPECT_EQ(::read(answers_[0], &byte, 1), 1);
  }
  pid_t pid() const { return pid_; }

 private:
  [[noreturn]] void run() {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (char byte; ::read(requests_[0], &byte, 1) == 1;) {
      auto* memory = static_cast<char*>(::mmap(nullptr, pages * 4096, PROT_READ | PROT_WRITE,
                                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
      ::madvise(memory, pages * 4096, MADV_NOHUGEPAGE);
      for (std::size_t i = 0; i < pages; ++i) memory[i * 4096] = 1;
      if (::write(answers_[1], &byte, 1) != 1) break;
    }
    ::_exit(0);
  }

  int requests_[2];
  int answers_[2];
  pid_t pid_;
};

TEST(IdleProcess, EveryRunOfARealOneIsSeen) {
  Toucher toucher;
  auto proc = procfs::Tree::open("/proc");
  ASSERT_TRUE(proc);
  ProcessTable table(*proc, {false, seconds(60), nobody_knows});
  auto now = Clock::now();
  for (int i = 0; i < 20; ++i) {
    toucher.touch();
    ASSERT_TRUE(table.refresh(now));
    const auto before = table.processes().at(toucher.pid()).minor_faults;
    toucher.touch();
    ASSERT_TRUE(table.refresh(now));
    EXPECT_GE(table.processes().at(toucher.pid()).minor_faults, before + Toucher::pages);
  }
}

}  // namespace
}  // namespace memory_exporter::process
