#include "collectors/process/table/process_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <future>
#include <thread>

#include "collectors/base/label.h"
#include "collectors/process/grouping/grouping.h"
#include "tests/process/fake_process.h"

namespace memory_exporter::process {
namespace {

using memory_exporter::testing::TempTree;
using std::chrono::minutes;
using std::chrono::seconds;

MemoryOrder nobody_knows(pid_t, pid_t) {
  return MemoryOrder::unknown;
}
class ProcessTableTest : public ::testing::Test {
 protected:
  void refresh(seconds later = seconds(1)) {
    now_ += later;
    ASSERT_TRUE(table_.refresh(now_));
    grouping_.assign(table_.processes(), now_);
  }

  /// The groups as one collection would publish them.
  std::vector<Group> groups() { return grouping_.publish(table_.processes(), now_); }

  std::uint64_t minor_faults(const GroupKey& key) {
    for (const auto& group : groups()) {
      if (group.key == key) return group.totals.minor_faults;
    }
    ADD_FAILURE() << "no such group";
    return 0;
  }

  TempTree procfs_;
  procfs::Tree tree_ = procfs_.open();
  Clock::time_point now_{std::chrono::hours(1)};
  ProcessTable table_{tree_, {true, seconds(60), nobody_knows}};
  Grouping grouping_{default_group_by()};
};

TEST_F(ProcessTableTest, ReadsStatStatusAndCgroup) {
  FakeProcess{.pid = 10}.write(procfs_);
  refresh();
  ASSERT_EQ(table_.processes().size(), 1u);
  const auto& process = table_.processes().at(10);
  EXPECT_EQ(process.id, (ProcessId{10, 1000}));
  EXPECT_EQ(process.resident(), Bytes::from_kib(1000));
  EXPECT_EQ(process.faults(), 101u);
  const auto published = groups();
  ASSERT_EQ(published.size(), 1u);
  EXPECT_EQ(published[0].key, (GroupKey{"app", "/app.slice"}));
}

TEST_F(ProcessTableTest, CountsKernelThreadsByTheirFlagAndKeepsThemOut) {
  FakeProcess{.pid = 2, .comm = "kthreadd", .flags = 0x208040}.write(procfs_);
  refresh();
  EXPECT_TRUE(table_.processes().empty());
  EXPECT_EQ(table_.others().kernel, 1u);
}

TEST_F(ProcessTableTest, AZombieHasNoMemoryAndItsFaultsAreCountedOnce) {
  FakeProcess process{.pid = 10, .minor_faults = 100};
  process.write(procfs_);
  refresh();
  process.state = 'Z';
  process.minor_faults = 130;
  process.start_code = process.start_stack = 0;
  process.has_memory = false;
  process.write(procfs_);
  for (int i = 0; i < 3; ++i) {
    refresh();
    EXPECT_TRUE(table_.processes().at(10).ended);
    EXPECT_EQ(minor_faults({"app", "/app.slice"}), 130u);
  }
}

TEST_F(ProcessTableTest, WhatCannotBeReadForAMomentIsLeftOutAndNotCountedTwice) {
  const FakeProcess process{.pid = 10, .minor_faults = 100};
  process.write(procfs_);
  FakeProcess{.pid = 11, .minor_faults = 7}.write(procfs_);
  refresh();
  EXPECT_EQ(minor_faults({"app", "/app.slice"}), 107u);
  for (const char* file : {"10/status", "10/stat"}) {
    procfs_.write(file, "nonsense");
    refresh();
    EXPECT_TRUE(table_.processes().at(10).unreadable) << file;
    process.write(procfs_);
    refresh();
    EXPECT_FALSE(table_.processes().at(10).unreadable) << file;
    EXPECT_EQ(minor_faults({"app", "/app.slice"}), 107u) << file;
  }
}

/// As while a thread that is not the first one execs.
TEST_F(ProcessTableTest, OneWhoseFilesAreGoneForAMomentIsNotCountedTwice) {
  const FakeProcess process{.pid = 10, .minor_faults = 100};
  process.write(procfs_);
  refresh();
  for (int i = 0; i < 2; ++i) {
    procfs_.remove("10/stat");
    refresh();
    EXPECT_EQ(groups().at(0).totals.processes, 0u);
    EXPECT_TRUE(table_.read_errors().empty());
    process.write(procfs_);
    refresh();
    const auto published = groups();
    ASSERT_EQ(published.size(), 1u);
    EXPECT_EQ(published[0].totals.processes, 1u);
    EXPECT_EQ(published[0].totals.minor_faults, 100u);
  }
}

TEST_F(ProcessTableTest, OneThatIsGoneTouchesItsChildrenOnce) {
  FakeProcess{.pid = 10}.write(procfs_);
  FakeProcess{.pid = 11, .ppid = 10}.write(procfs_);
  refresh();
  procfs_.remove("10/stat");
  refresh();
  const auto gone = now_;
  EXPECT_EQ(table_.processes().at(11).relatives_changed, gone);
  procfs_.remove("10");
  refresh();
  EXPECT_EQ(table_.processes().size(), 1u);
  EXPECT_EQ(table_.processes().at(11).relatives_changed, gone);
}

TEST_F(ProcessTableTest, ACgroupThatCannotBeReadAtFirstSightIsReadInTheNextRefresh) {
  FakeProcess process{.pid = 10, .switches = 5};
  for (const char* text : {"nonsense", ""}) {
    process.pid += 1;
    process.write(procfs_);
    const auto file = std::to_string(process.pid) + "/cgroup";
    const auto cgroup = [&] { return *table_.processes().at(process.pid).cgroup; };
    procfs_.write(file, text);
    refresh();
    EXPECT_EQ(cgroup(), "") << text;
    procfs_.write(file, process.cgroup);
    refresh();
    EXPECT_EQ(cgroup(), "/app.slice") << text;
  }
}

TEST_F(ProcessTableTest, ACgroupThatCanNeverBeReadIsTriedOnceInAMaxAge) {
  FakeProcess{.pid = 10, .cgroup = "nonsense"}.write(procfs_);
  const auto tries = [&] { return table_.read_errors().at({"cgroup", ErrorKind::malformed}); };
  for (std::uint64_t i = 1; i <= tries_in_a_row; ++i) {
    refresh();
    EXPECT_EQ(tries(), i);
  }
  refresh(seconds(59));
  EXPECT_EQ(tries(), tries_in_a_row);
  refresh(seconds(2));
  EXPECT_EQ(tries(), tries_in_a_row + 1);
}

TEST_F(ProcessTableTest, AnExecutableThatCannotBeToldIsCounted) {
  FakeProcess{.pid = 10}.write(procfs_);
  std::filesystem::create_symlink("exe", procfs_.path("10/exe"));  // one that leads to itself
  refresh();
  refresh();
  EXPECT_EQ(table_.read_errors().at({"exe", ErrorKind::io}), 1u);
}

TEST_F(ProcessTableTest, NamesOfCgroupsAreSoughtUntilTheyAreFound) {
  int searches = 0;
  bool fails = true;
  const auto find = [&]() -> Result<CgroupPlaces> {
    ++searches;
    if (fails) return Error{ErrorKind::io, "no answer", {}, 0};
    return CgroupPlaces{"/k/p1/c1"};
  };
  ProcessTable table(tree_, {true, seconds(60), nobody_knows, find});
  FakeProcess{.pid = 10, .cgroup = "0::/\n"}.write(procfs_);
  const auto label_after = [&](seconds later) {
    now_ += later;
    EXPECT_TRUE(table.refresh(now_));
    return *table.processes().at(10).cgroup;
  };
  for (int i = 1; i <= static_cast<int>(tries_in_a_row); ++i) {
    EXPECT_EQ(label_after(seconds(1)), "/") << "as the kernel calls it";
    EXPECT_EQ(searches, i);
    EXPECT_EQ(table.read_errors().at({"cgroup", ErrorKind::io}), static_cast<std::uint64_t>(i));
  }
  fails = false;
  EXPECT_EQ(label_after(seconds(1)), "/") << "a search of all cgroups is dear";
  EXPECT_EQ(label_after(seconds(60)), "/k/p1/c1");
  label_after(seconds(60));
  EXPECT_EQ(searches, 1 + static_cast<int>(tries_in_a_row)) << "once known it stays";
}

TEST_F(ProcessTableTest, ASearchForCgroupsThatHangsIsNotWaitedForAndCountsWhenItIsDone) {
  std::promise<void> begun, released;
  std::thread hanging;
  const auto find = [&] {
    begun.set_value();
    released.get_future().wait();
    return Result<CgroupPlaces>(CgroupPlaces{"/k/p1/c1"});
  };
  const auto begin = [&](const char*, std::chrono::nanoseconds, std::function<void()> work) {
    hanging = std::thread(std::move(work));
    begun.get_future().wait();
    return false;
  };
  ProcessTable table(tree_, {true, seconds(60), nobody_knows, find, begin});
  FakeProcess{.pid = 10, .cgroup = "0::/\n"}.write(procfs_);
  for (std::uint64_t i = 1; i <= 2; ++i) {
    ASSERT_TRUE(table.refresh(now_ + seconds(i)));
    EXPECT_EQ(*table.processes().at(10).cgroup, "/");
    EXPECT_EQ(table.read_errors().at({"cgroup", ErrorKind::timeout}), i);
  }
  released.set_value();
  hanging.join();
  ASSERT_TRUE(table.refresh(now_ + seconds(3)));
  EXPECT_EQ(*table.processes().at(10).cgroup, "/k/p1/c1");
}

TEST_F(ProcessTableTest, ATreeOfCgroupsThatHangsLeavesProcessesWhereTheyWere) {
  const TempTree cgroups;
  cgroups.write("web/memory.current", "1");
  cgroups.write("web/leaf/cgroup.procs", "");
  bool hangs = false;
  const auto find = [&] {
    CgroupPlaces places;
    places.v2 = {cgroups.path(""), ""};
    return Result<CgroupPlaces>(places);
  };
  const auto do_or_hang = [&](const char*, std::chrono::nanoseconds, const auto& work) {
    if (!hangs) work();
    return !hangs;
  };
  ProcessTable table(tree_, {true, seconds(60), nobody_knows, find, do_or_hang});
  FakeProcess{.pid = 10, .cgroup = "0::/web/leaf\n"}.write(procfs_);
  const auto label_after = [&](pid_t pid, seconds later) {
    now_ += later;
    EXPECT_TRUE(table.refresh(now_));
    return *table.processes().at(pid).cgroup;
  };
  EXPECT_EQ(label_after(10, seconds(1)), "/web");
  hangs = true;
  EXPECT_EQ(label_after(10, seconds(61)), "/web");
  EXPECT_EQ(table.read_errors().at({"cgroup", ErrorKind::timeout}), 1u);
  FakeProcess{.pid = 11, .cgroup = "0::/web/leaf\n"}.write(procfs_);
  EXPECT_EQ(label_after(11, seconds(1)), "/web/leaf");
  hangs = false;
  EXPECT_EQ(label_after(11, seconds(1)), "/web");
}

TEST_F(ProcessTableTest, ACgroupThatCannotBeReadIsNoMove) {
  FakeProcess{.pid = 10}.write(procfs_);
  refresh();
  const auto* group = table_.processes().at(10).group;
  procfs_.write("10/cgroup", "nonsense");
  refresh(seconds(61));
  EXPECT_EQ(table_.processes().at(10).group, group);
  EXPECT_EQ(table_.read_errors().at({"cgroup", ErrorKind::malformed}), 1u);
}

TEST_F(ProcessTableTest, ChildrenShareTheirParentsCopyOfTheCgroupsName) {
  FakeProcess{.pid = 10}.write(procfs_);
  refresh();
  FakeProcess{.pid = 11, .ppid = 10}.write(procfs_);
  FakeProcess{.pid = 12, .ppid = 10, .cgroup = "0::/other.slice\n"}.write(procfs_);
  refresh();
  const auto& processes = table_.processes();
  EXPECT_EQ(processes.at(11).cgroup, processes.at(10).cgroup);
  EXPECT_EQ(*processes.at(12).cgroup, "/other.slice");
}

TEST_F(ProcessTableTest, WithoutTheDimensionNoCgroupIsRead) {
  FakeProcess{.pid = 10, .cgroup = "nonsense"}.write(procfs_);
  ProcessTable table(tree_, {false, seconds(60), nobody_knows});
  ASSERT_TRUE(table.refresh(now_));
  EXPECT_EQ(table.processes().at(10).cgroup, nullptr);
  EXPECT_TRUE(table.read_errors().empty());
}

TEST_F(ProcessTableTest, WhoAsksForCgroupsLaterGetsThemAtOnceAndNoOldOnes) {
  FakeProcess process{.pid = 10};
  process.write(procfs_);
  ProcessTable table(tree_, {false, seconds(60), nobody_knows});
  ASSERT_TRUE(table.refresh(now_));
  table.want(true, seconds(60));
  ASSERT_TRUE(table.refresh(now_ += seconds(1)));
  EXPECT_EQ(*table.processes().at(10).cgroup, "/app.slice");
  table.want(false, seconds(60));
  ASSERT_TRUE(table.refresh(now_ += seconds(61)));
  process.cgroup = "0::/moved.slice\n";
  process.write(procfs_);
  table.want(true, seconds(60));
  ASSERT_TRUE(table.refresh(now_ += seconds(1)));
  EXPECT_EQ(*table.processes().at(10).cgroup, "/moved.slice");
}

TEST_F(ProcessTableTest, ALeaderThatExitedIsReadThroughALivingThread) {
  FakeProcess leader{.pid = 10, .state = 'Z', .threads = 3, .has_memory = false};
  leader.write(procfs_);
  procfs_.write("10/task/10/status", leader.status());
  procfs_.write("10/task/12/status", FakeProcess{.pid = 12, .threads = 3}.status());
  procfs_.write("10/cgroup", "0::/\n");
  procfs_.write("10/task/12/cgroup", "0::/app.slice\n");
  refresh();
  const auto& process = table_.processes().at(10);
  EXPECT_FALSE(process.ended);
  EXPECT_EQ(process.memory_thread, 12);
  EXPECT_EQ(process.resident(), Bytes::from_kib(1000));
  EXPECT_EQ(*process.cgroup, "/app.slice") << "the kernel may have taken the leader out of it";
}

TEST_F(ProcessTableTest, FaultCountersSurviveExitAndPidReuse) {
  FakeProcess first{.pid = 10, .minor_faults = 500, .start_time = 1000};
  first.write(procfs_);
  refresh();
  EXPECT_EQ(minor_faults({"app", "/app.slice"}), 500u);

  FakeProcess reused{.pid = 10, .minor_faults = 20, .start_time = 2000};
  reused.write(procfs_);
  refresh();
  EXPECT_EQ(minor_faults({"app", "/app.slice"}), 520u);

  procfs_.remove("10");
  refresh();
  EXPECT_EQ(minor_faults({"app", "/app.slice"}), 520u);
}

TEST_F(ProcessTableTest, AFallOfACounterIsAnotherProcessWithinTheSameTick) {
  FakeProcess process{.pid = 10, .minor_faults = 500, .major_faults = 9};
  process.write(procfs_);
  refresh();
  table_.processes().at(10).readings.sample.emplace();
  process.minor_faults = 20;
  process.write(procfs_);
  refresh();
  EXPECT_EQ(minor_faults({"app", "/app.slice"}), 520u);
  EXPECT_FALSE(table_.processes().at(10).readings.sample) << "it is of the one before";
  process.minor_faults = 30;
  process.major_faults = 1;
  process.write(procfs_);
  refresh();
  EXPECT_EQ(minor_faults({"app", "/app.slice"}), 550u);
}

TEST_F(ProcessTableTest, ARenameMovesOnlyTheFaultsThatComeAfterIt) {
  FakeProcess process{.pid = 10, .comm = "before", .minor_faults = 500};
  process.write(procfs_);
  refresh();
  process.comm = "after";
  process.minor_faults = 507;
  process.write(procfs_);
  refresh();
  EXPECT_EQ(minor_faults({"before", "/app.slice"}), 500u);
  EXPECT_EQ(minor_faults({"after", "/app.slice"}), 7u);
}

TEST_F(ProcessTableTest, AnExecDropsTheSampleAndARenameDoesNot) {
  FakeProcess process{.pid = 10};
  process.write(procfs_);
  refresh();
  table_.processes().at(10).readings.sample.emplace();

  process.comm = "renamed";
  process.write(procfs_);
  refresh();
  EXPECT_TRUE(table_.processes().at(10).readings.sample.has_value());

  process.start_stack += 4096;
  process.write(procfs_);
  refresh();
  EXPECT_FALSE(table_.processes().at(10).readings.sample.has_value());
}

TEST_F(ProcessTableTest, AProgramIsTheSameThoughItRenamesItselfAndNotAfterAnExec) {
  FakeProcess process{.pid = 10};
  process.write(procfs_);
  refresh();
  const auto id = table_.processes().at(10).id;
  const auto image = table_.processes().at(10).image;
  auto renamed = image;
  renamed.comm = "other";
  EXPECT_EQ(table_.find_program(id, renamed), &table_.processes().at(10));
  EXPECT_EQ(table_.find(id, renamed), nullptr);
  EXPECT_EQ(table_.find_program({10, id.start_time + 1}, image), nullptr);
  EXPECT_EQ(table_.find_program({11, id.start_time}, image), nullptr);

  process.start_stack += 4096;
  process.write(procfs_);
  refresh();
  EXPECT_EQ(table_.find_program(id, image), nullptr);
}

TEST_F(ProcessTableTest, AnExecEndsAllThatWasRead) {
  FakeProcess process{.pid = 10};
  process.write(procfs_);
  refresh();
  auto& readings = table_.processes().at(10).readings;
  readings.sample.emplace();
  readings.denied_at = readings.unsupported_at = readings.pagemap_denied_at = now_;
  readings.walk_failures = 1;
  readings.limits = std::make_shared<Reading<LimitsFound>>();
  readings.mappings = std::make_shared<Reading<MappingsFound>>();
  readings.stalls.book(WalkMethod::rollup, {.longest_hold = seconds(100)}, 1, now_);
  process.start_stack += 4096;
  process.write(procfs_);
  refresh();
  EXPECT_FALSE(readings.sample || readings.denied_at || readings.unsupported_at);
  EXPECT_FALSE(readings.pagemap_denied_at || readings.limits || readings.mappings);
  EXPECT_EQ(readings.walk_failures, 0u);
  EXPECT_FALSE(readings.stalls.rests(WalkMethod::rollup, now_));
}

TEST_F(ProcessTableTest, ReadsTheCgroupAgainAfterItsMaxAgeAndNotBefore) {
  FakeProcess process{.pid = 10};
  process.write(procfs_);
  refresh();
  process.cgroup = "0::/moved.slice\n";
  process.write(procfs_);
  refresh(seconds(10));
  EXPECT_EQ(groups()[0].key[1], "/app.slice");
  refresh(seconds(60));
  const auto published = groups();
  ASSERT_EQ(published.size(), 2u);  // the old one keeps its counters
  EXPECT_EQ(published[0].totals.processes, 0u);
  EXPECT_EQ(published[1].key[1], "/moved.slice");
  EXPECT_EQ(published[1].totals.minor_faults, 0u);  // only what comes after the move
}

TEST_F(ProcessTableTest, NamesCgroupsAsTheMountedTreeDoes) {
  ProcessTable table(tree_, {true, seconds(60), nobody_knows,
                             [] { return Result<CgroupPlaces>(CgroupPlaces{"/k/p1/c1"}); }});
  FakeProcess{.pid = 10, .cgroup = "0::/\n"}.write(procfs_);
  FakeProcess{.pid = 11, .cgroup = "0::/../../../system.slice/web.service\n"}.write(procfs_);
  FakeProcess{.pid = 12, .cgroup = "0::/../../p2/c1\n"}.write(procfs_);
  FakeProcess{.pid = 13, .cgroup = "1:name=systemd:/x\n"}.write(procfs_);
  ASSERT_TRUE(table.refresh(now_));
  const auto label_of = [&](pid_t pid) { return *table.processes().at(pid).cgroup; };
  EXPECT_EQ(label_of(10), "/k/p1/c1");
  EXPECT_EQ(label_of(11), "/system.slice/web.service");
  EXPECT_EQ(label_of(12), "/k/p2/c1");
  EXPECT_EQ(label_of(13), "");
}

TEST_F(ProcessTableTest, AVanishedProcessIsNoError) {
  FakeProcess{.pid = 10}.write(procfs_);
  procfs_.remove("10/stat");
  procfs_.write("11/other", "");
  refresh();
  EXPECT_TRUE(table_.processes().empty());
  EXPECT_TRUE(table_.read_errors().empty());
}

TEST_F(ProcessTableTest, AMalformedFileLeavesOneProcessOutAndIsCounted) {
  FakeProcess{.pid = 10}.write(procfs_);
  FakeProcess{.pid = 11}.write(procfs_);
  procfs_.write("10/stat", "10 (app) S");
  refresh();
  EXPECT_EQ(table_.processes().count(10), 0u);
  EXPECT_EQ(table_.processes().count(11), 1u);
  EXPECT_EQ(table_.read_errors().at({"stat", ErrorKind::malformed}), 1u);
}

TEST_F(ProcessTableTest, ReadsTheOomScoreWhereAskedForAndOnlyThen) {
  FakeProcess{.pid = 10}.write(procfs_);
  procfs_.write("10/oom_score", "670\n");
  refresh();
  EXPECT_EQ(table_.processes().at(10).oom_score, std::nullopt);
  ASSERT_TRUE(table_.refresh(now_, Extras::oom_score));
  EXPECT_EQ(table_.processes().at(10).oom_score, 670u);
  refresh();
  EXPECT_EQ(table_.processes().at(10).oom_score, std::nullopt) << "an old one is not kept";
}

TEST_F(ProcessTableTest, AnOomScoreThatIsNoNumberIsCountedAndCostsNothingElse) {
  FakeProcess{.pid = 10}.write(procfs_);
  procfs_.write("10/oom_score", "many\n");
  ASSERT_TRUE(table_.refresh(now_, Extras::oom_score));
  EXPECT_EQ(table_.processes().at(10).oom_score, std::nullopt);
  EXPECT_EQ(table_.processes().at(10).resident(), Bytes::from_kib(1000));
  EXPECT_EQ(table_.read_errors().at({"oom_score", ErrorKind::malformed}), 1u);
}

TEST_F(ProcessTableTest, NamesOfAnyBytesBecomeOneValidLabelEach) {
  FakeProcess{.pid = 10, .comm = "a\"b\\c\nd"}.write(procfs_);
  FakeProcess{.pid = 11, .comm = "bad\xff\xfe"}.write(procfs_);
  refresh();
  const auto published = groups();
  ASSERT_EQ(published.size(), 2u);
  EXPECT_EQ(published[0].key[0], "a\"b\\c\nd");
  EXPECT_EQ(published[1].key[0], valid_label("bad\xff\xfe"));
}

/// Processes whose executables are told apart by the file behind the exe link.
class RelationsTest : public ProcessTableTest {
 protected:
  void run(pid_t pid, pid_t ppid, const char* executable, char state = 'S',
           bool has_memory = true) {
    procfs_.remove(std::to_string(pid));
    FakeProcess{.pid = pid, .state = state, .ppid = ppid, .has_memory = has_memory}.write(procfs_);
    if (executable == nullptr) return;
    procfs_.write(executable, "");
    std::filesystem::create_symlink(procfs_.path(executable),
                                    procfs_.path(std::to_string(pid) + "/exe"));
  }

  std::uint64_t sharers(pid_t pid) { return table_.processes().at(pid).sharers; }
  bool touched(pid_t pid) { return table_.processes().at(pid).relatives_changed == now_; }
};

TEST_F(RelationsTest, ThoseThatRunTheSameExecutableAreCounted) {
  run(10, 1, "bin/shared");
  run(20, 1, "bin/else");
  run(30, 1, "bin/shared");
  refresh();
  EXPECT_EQ(sharers(10), 2u);
  EXPECT_EQ(sharers(20), 1u);
  run(40, 1, "bin/shared");
  refresh();
  EXPECT_EQ(sharers(10), 3u);
  EXPECT_EQ(sharers(20), 1u);
  EXPECT_EQ(sharers(40), 3u);
  run(30, 1, "bin/shared", 'Z');
  refresh();
  EXPECT_EQ(sharers(10), 2u) << "a zombie has let go of its pages";
  run(40, 1, "bin/shared", 'R', false);
  refresh();
  EXPECT_EQ(sharers(10), 2u) << "one that exits may still be giving them back";
  procfs_.remove("40");
  refresh();
  EXPECT_EQ(sharers(10), 1u);
}

TEST_F(RelationsTest, AForkTouchesTheParentAndAnExecNoLonger) {
  run(20, 1, "bin/parent");
  run(21, 20, "bin/parent");
  run(30, 1, "bin/parent");
  refresh();
  refresh();
  EXPECT_FALSE(touched(20) || touched(21) || touched(30)) << "nothing happened";
  run(22, 20, "bin/parent");
  refresh();
  EXPECT_TRUE(touched(20));
  EXPECT_FALSE(touched(21)) << "a sibling";
  EXPECT_FALSE(touched(30)) << "a stranger";
  run(23, 20, "bin/else");
  refresh();
  EXPECT_FALSE(touched(20)) << "the child runs something else by now";
  procfs_.remove("22");
  refresh();
  EXPECT_TRUE(touched(20));
}

TEST_F(RelationsTest, WhereExecutablesAreUnknownTheWholeFamilyIsTouched) {
  run(20, 1, nullptr);
  run(21, 20, nullptr);
  run(30, 1, nullptr);
  refresh();
  refresh();
  run(22, 20, nullptr);
  refresh();
  EXPECT_TRUE(touched(20));
  EXPECT_TRUE(touched(21));
  EXPECT_FALSE(touched(30));
}

TEST_F(ProcessTableTest, AnExitTouchesItsChildrenWhoeverAdoptsThem) {
  FakeProcess{.pid = 10}.write(procfs_);
  FakeProcess child{.pid = 11, .ppid = 10};
  child.write(procfs_);
  FakeProcess{.pid = 12}.write(procfs_);
  refresh();
  procfs_.remove("10");
  child.ppid = 1;
  child.write(procfs_);
  refresh();
  EXPECT_EQ(table_.processes().at(11).relatives_changed, now_);
  EXPECT_NE(table_.processes().at(12).relatives_changed, now_);
}

TEST(ProcessTable, AMissingRootIsAnError) {
  const auto tree = procfs::Tree::absent("/nowhere");
  ProcessTable table(tree, {false, seconds(60), nobody_knows});
  EXPECT_FALSE(table.refresh(Clock::time_point(seconds(1))));
}

}  // namespace
}  // namespace memory_exporter::process
