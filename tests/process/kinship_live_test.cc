// Real processes on one memory and with copies of it, as kcmp tells them and as it can be told
// without.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "collectors/process/table/look_alikes.h"
#include "collectors/process/table/memory_order.h"
#include "collectors/process/table/process_table.h"
#include "tests/support/child.h"
#include "tests/support/temp_tree.h"

namespace memory_exporter::process {
namespace {

using memory_exporter::testing::Child;
using memory_exporter::testing::mebibyte;
using memory_exporter::testing::private_memory;
using memory_exporter::testing::Role;
using memory_exporter::testing::Roles;
using memory_exporter::testing::tell_ready;
using memory_exporter::testing::wait_to_be_killed;
using std::chrono::seconds;

/// Large against what a child of this program has besides, which is 20 MiB under the sanitizers.
constexpr std::size_t size = 64 * mebibyte;
constexpr unsigned longest_life = 120;  // seconds, whatever becomes of the test

/// What a child of a role does: it must not return, and may run on its parent's memory.
int rest(void*) {
  ::alarm(longest_life);
  tell_ready();
  wait_to_be_killed();
}

void clone_rest(int flags) {
  constexpr std::size_t stack = 64 * 1024;
  char* bottom = memory_exporter::testing::map_memory(stack);
  ::clone(rest, bottom + stack, flags | SIGCHLD, nullptr);
}

pid_t bare_clone(unsigned long flags) {
  return static_cast<pid_t>(::syscall(SYS_clone, flags, nullptr, nullptr, nullptr, nullptr));
}

void vfork_rest() {
  if (bare_clone(CLONE_VM | CLONE_VFORK | SIGCHLD) == 0) rest(nullptr);
}

void family_of_fork() {
  private_memory(size);
  if (::fork() == 0) rest(nullptr);
}

/// Each a copy of the last one, and all of them with the same figures.
void family_of_chain() {
  private_memory(size);
  for (int i = 0; i < 4; ++i) {
    if (::fork() != 0) break;
  }
}

void family_of_vfork() {
  private_memory(size);
  vfork_rest();
}

/// posix_spawn hangs before the exec, where it opens a FIFO that nobody writes to.
void family_of_spawn() {
  private_memory(size);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 9, std::getenv("FIFO"), O_RDONLY, 0);
  std::array<char*, 2> arguments = {const_cast<char*>("true"), nullptr};
  tell_ready();
  pid_t pid = 0;
  ::posix_spawn(&pid, "/bin/true", &actions, nullptr, arguments.data(), environ);
}

void family_of_clone_vm() {
  private_memory(size);
  clone_rest(CLONE_VM);
}

void family_of_clone_parent() {
  private_memory(size);
  clone_rest(CLONE_VM | CLONE_PARENT);
}

/// Two on one memory, whose maker has ended.
void family_of_orphans() {
  private_memory(size);
  clone_rest(CLONE_VM);
  clone_rest(CLONE_VM);
  ::_exit(0);
}

void family_of_vfork_by_thread() {
  private_memory(size);
  std::thread(vfork_rest).detach();
}

void family_without_leader() {
  private_memory(size);
  std::thread(vfork_rest).detach();
  ::pthread_exit(nullptr);
}

/// Spawns one program after another for ever, as shells and build tools do.
void family_of_spawner() {
  private_memory(size);
  tell_ready();
  std::array<char*, 2> arguments = {const_cast<char*>("true"), nullptr};
  while (true) {
    pid_t pid = 0;
    if (::posix_spawn(&pid, "/bin/true", nullptr, nullptr, arguments.data(), environ) == 0) {
      ::waitpid(pid, nullptr, 0);
    }
  }
}

/// A chain of copies with the same figures, each of which sleeps in state D most of the time, for
/// the disk.
void family_of_writers() {
  std::string path = "/var/tmp/kinship.XXXXXX";
  const int file = ::mkstemp(path.data());
  ::unlink(path.c_str());
  private_memory(size);
  for (int i = 0; i < 4 && ::fork() == 0; ++i) ::alarm(longest_life);
  tell_ready();
  while (true) {
    static_cast<void>(::pwrite(file, "x", 1, 0));
    ::fsync(file);
  }
}

/// What is on their memories: processes, and those whose memory is counted with another's.
struct Family {
  std::size_t processes = 0;
  std::size_t borrowers = 0;
  std::uint64_t look_alikes = 0;
  Bytes resident;
};

class KinshipLiveTest : public ::testing::Test {
 protected:
  void SetUp() override { ::prctl(PR_SET_CHILD_SUBREAPER, 1); }
  void TearDown() override {
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    for (const auto pid : members_) ::kill(pid, SIGKILL);
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
  }

  Family look(ProcessTable& table) {
    EXPECT_TRUE(table.refresh(Clock::now()));
    std::unordered_map<pid_t, Process> family;
    for (std::size_t before = SIZE_MAX; before != family.size();) {
      before = family.size();
      for (const auto& [pid, process] : table.processes()) {
        const bool is_ours = process.parent == ::getpid() || family.contains(process.parent);
        if (is_ours && is_countable(process)) family.emplace(pid, process);
      }
    }
    Family found;
    for (const auto& [pid, process] : family) {
      members_.insert(pid);
      ++found.processes;
      found.borrowers += process.memory_owner.has_value();
      if (!process.memory_owner) found.resident += process.resident();
    }
    found.look_alikes = count_look_alikes(family);
    return found;
  }

  Family look_with_kcmp() {
    ProcessTable table(*proc_, {false, seconds(60), compare_memory_by_kcmp});
    return look(table);
  }
  Family look_without() {
    ProcessTable table(*proc_, {false, seconds(60), nobody_knows});
    return look(table);
  }

  static MemoryOrder nobody_knows(pid_t, pid_t) { return MemoryOrder::unknown; }

  /// Two on one memory; `told`: whether that can be known without kcmp.
  void expect_one_memory(const char* role, bool told) {
    const Child child(role);
    auto with = look_with_kcmp();
    for (int i = 0; i < 1000 && with.processes != 2; ++i) with = look_with_kcmp();
    ASSERT_EQ(with.processes, 2u);
    EXPECT_EQ(with.borrowers, 1u);
    EXPECT_EQ(with.look_alikes, 0u);
    EXPECT_LT(with.resident, Bytes{size + size / 2});
    const auto without = look_without();
    EXPECT_EQ(without.processes, 2u);
    EXPECT_EQ(without.borrowers, told ? 1u : 0u);
    if (told) {
      EXPECT_EQ(without.look_alikes, 0u);
    } else {
      EXPECT_GE(without.look_alikes, 1u) << "counted twice, and says so";
    }
  }

  Result<procfs::Tree> proc_ = procfs::Tree::open("/proc");
  std::set<pid_t> members_;
};

TEST_F(KinshipLiveTest, AForkedChildHasItsOwn) {
  const Child child("kin.fork");
  child.await_ready();
  for (const auto& family : {look_with_kcmp(), look_without()}) {
    EXPECT_EQ(family.processes, 2u);
    EXPECT_EQ(family.borrowers, 0u);
    EXPECT_GE(family.resident, Bytes{2 * size});
  }
}

TEST_F(KinshipLiveTest, AndSoHasEachOfAChainOfThem) {
  const Child child("kin.chain");
  for (int i = 0; i < 4; ++i) child.await_ready();
  const auto with = look_with_kcmp();
  const auto without = look_without();
  EXPECT_EQ(with.look_alikes, 0u);
  for (const auto& family : {with, without}) {
    EXPECT_EQ(family.processes, 5u);
    EXPECT_EQ(family.borrowers, 0u);
    EXPECT_GE(family.resident, Bytes{5 * size});
  }
}

TEST_F(KinshipLiveTest, VforkIsToldEitherWay) {
  expect_one_memory("kin.vfork", true);
}

TEST_F(KinshipLiveTest, PosixSpawnIsToldEitherWay) {
  const memory_exporter::testing::TempTree folder;
  ASSERT_EQ(::mkfifo(folder.path("fifo").c_str(), 0600), 0);
  ::setenv("FIFO", folder.path("fifo").c_str(), 1);
  expect_one_memory("kin.spawn", true);
}

TEST_F(KinshipLiveTest, VforkByAnotherThreadIsToldEitherWay) {
  expect_one_memory("kin.by_thread", true);
}

TEST_F(KinshipLiveTest, VforkWhereTheLeaderHasExitedIsToldEitherWay) {
  expect_one_memory("kin.no_leader", true);
}

TEST_F(KinshipLiveTest, ABareCloneIsToldByKcmp) {
  expect_one_memory("kin.clone_vm", false);
}

TEST_F(KinshipLiveTest, SiblingsAreToldByKcmp) {
  expect_one_memory("kin.siblings", false);
}

TEST_F(KinshipLiveTest, OrphansAreToldByKcmp) {
  expect_one_memory("kin.orphans", false);
}

TEST_F(KinshipLiveTest, WhenTheOwnerEndsAnotherTakesOver) {
  Child child("kin.clone_vm");
  ProcessTable table(*proc_, {false, seconds(60), compare_memory_by_kcmp});
  look(table);
  const auto maker = child.pid();
  auto& owner = table.processes().at(maker);
  ASSERT_FALSE(owner.memory_owner);
  owner.readings.sample.emplace().began = Clock::now();
  child.end();
  const auto family = look(table);
  EXPECT_EQ(family.processes, 1u);
  EXPECT_EQ(family.borrowers, 0u);
  EXPECT_GE(family.resident, Bytes{size});
  for (const auto pid : members_) {
    if (pid == maker) continue;
    EXPECT_TRUE(table.processes().at(pid).readings.sample);
  }
}

/// At any moment the children are before their exec, in it, behind it or ending.
TEST_F(KinshipLiveTest, WhatIsSpawnedMeanwhileNeverDoublesItsParent) {
  const Child child("kin.spawner");
  ProcessTable with(*proc_, {false, seconds(60), compare_memory_by_kcmp});
  ProcessTable without(*proc_, {false, seconds(60), nobody_knows});
  std::size_t children = 0;
  for (int i = 0; i < 200; ++i) {
    for (auto* table : {&with, &without}) {
      const auto family = look(*table);
      children += family.processes - 1;
      ASSERT_LT(family.resident, Bytes{size + size / 2}) << "round " << i;
    }
  }
  EXPECT_GT(children, 20u) << "or nothing was tested";
}

/// Each table sees them for the first time, when it could still be wrong.
TEST_F(KinshipLiveTest, AParentThatWaitsForTheDiskIsNotTakenForOneInVfork) {
  const Child child("kin.writers");
  for (int i = 0; i < 4; ++i) child.await_ready();
  int asleep = 0;
  for (int i = 0; i < 100; ++i) {
    ProcessTable table(*proc_, {false, seconds(60), nobody_knows});
    const auto family = look(table);
    ASSERT_EQ(family.processes, 5u);
    ASSERT_EQ(family.borrowers, 0u) << "round " << i;
    ASSERT_GE(family.look_alikes, 2u) << "nothing else tells them apart";
    asleep += table.processes().at(child.pid()).status.state == 'D';
  }
  EXPECT_GT(asleep, 10) << "or nothing was tested";
}

}  // namespace

Roles kinship_roles() {
  return {{"kin.fork", family_of_fork},
          {"kin.chain", family_of_chain},
          {"kin.vfork", family_of_vfork},
          {"kin.spawn", family_of_spawn},
          {"kin.clone_vm", family_of_clone_vm},
          {"kin.siblings", family_of_clone_parent},
          {"kin.orphans", family_of_orphans},
          {"kin.by_thread", family_of_vfork_by_thread},
          {"kin.no_leader", family_without_leader},
          {"kin.spawner", family_of_spawner},
          {"kin.writers", family_of_writers}};
}

}  // namespace memory_exporter::process

int main(int argc, char** argv) {
  return memory_exporter::testing::run_tests_or_role(argc, argv,
                                                     memory_exporter::process::kinship_roles());
}
