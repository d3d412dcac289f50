#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/base/label.h"
#include "collectors/builtin.h"
#include "collectors/cgroup_hierarchy.h"
#include "collectors/cgroup_list.h"
#include "collectors/cgroup_namespace.h"
#include "tests/collectors/fixture_tree.h"
#include "tests/collectors/text_sink.h"

namespace memory_exporter {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view v2 = "sys/fs/cgroup";
constexpr std::string_view v1 = "sys/fs/cgroup/memory";

std::string collected_from(const FixtureTree& tree, CgroupSettings cgroup = {}) {
  CollectorOptions options;
  options.cgroup = std::move(cgroup);
  auto text = collected(tree.trees(), *make_cgroup_collector(tree.trees(), options));
  constexpr std::string_view none_left_out = "memory_exporter_cgroups_left_out 0\n";
  if (const auto at = text.find(none_left_out); at != std::string::npos) {
    text.erase(at, none_left_out.size());
  }
  return text;
}

/// One file of one cgroup: file(v2, "/a", "memory.max").
std::string file(std::string_view root, const std::string& cgroup, const std::string& name) {
  return std::string(root) + cgroup + '/' + name;
}

FixtureTree& make_v2(FixtureTree& tree) {
  return tree.write("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n");
}

TEST(CgroupCollector, ReadsWhatCgroupV2SaysOfOneCgroup) {
  FixtureTree tree;
  make_v2(tree)
      .write(file(v2, "/a", "memory.current"), "163840\n")
      .write(file(v2, "/a", "memory.min"), "0\n")
      .write(file(v2, "/a", "memory.high"), "max\n")
      .write(file(v2, "/a", "memory.max"), "33554432\n")
      .write(file(v2, "/a", "memory.events"), "low 0\nmax 35\noom_kill 1\n")
      .write(file(v2, "/a", "memory.events.local"), "oom_kill 0\n")
      .write(file(v2, "/a", "memory.pressure"),
             "some avg10=0.00 avg60=0.00 avg300=0.00 total=6316\n"
             "full avg10=0.00 avg60=0.00 avg300=0.00 total=6000\n")
      .write(file(v2, "/a", "memory.stat"), "anon 86016\nfile 0\npgfault 509\nunheard_of 1\n");
  EXPECT_EQ(collected_from(tree),
            "memory_cgroup_current_bytes{cgroup=\"/a\"} 163840\n"
            "memory_cgroup_min_bytes{cgroup=\"/a\"} 0\n"
            "memory_cgroup_max_bytes{cgroup=\"/a\"} 33554432\n"
            "memory_cgroup_stat_anon_bytes{cgroup=\"/a\"} 86016\n"
            "memory_cgroup_stat_file_bytes{cgroup=\"/a\"} 0\n"
            "memory_cgroup_stat_pgfault_total{cgroup=\"/a\"} 509\n"
            "memory_cgroup_events_total{cgroup=\"/a\",event=\"low\"} 0\n"
            "memory_cgroup_events_total{cgroup=\"/a\",event=\"max\"} 35\n"
            "memory_cgroup_events_total{cgroup=\"/a\",event=\"oom_kill\"} 1\n"
            "memory_cgroup_events_local_total{cgroup=\"/a\",event=\"oom_kill\"} 0\n"
            "memory_cgroup_pressure_waiting_seconds_total{cgroup=\"/a\"} 0.006316\n"
            "memory_cgroup_pressure_stalled_seconds_total{cgroup=\"/a\"} 0.006\n");
}

TEST(CgroupCollector, GivesCgroupV1TheSameNames) {
  FixtureTree tree;
  tree.write(file(v1, "", "memory.stat"), "total_rss 1\n")
      .write(file(v1, "/a", "memory.usage_in_bytes"), "208896\n")
      .write(file(v1, "/a", "memory.limit_in_bytes"), "33554432\n")
      .write(file(v1, "/a", "memory.soft_limit_in_bytes"), "9223372036854771712\n")
      .write(file(v1, "/a", "memory.memsw.limit_in_bytes"), "9223372036854771712\n")
      .write(file(v1, "/a", "memory.kmem.usage_in_bytes"), "86016\n")
      .write(file(v1, "/a", "memory.failcnt"), "3152\n")
      .write(file(v1, "/a", "memory.memsw.failcnt"), "7\n")
      .write(file(v1, "/a", "memory.oom_control"), "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
      .write(file(v1, "/a", "memory.stat"), "rss 1\nswap 2\ntotal_rss 4096\ntotal_swap 8192\n");
  EXPECT_EQ(collected_from(tree),
            "memory_cgroup_current_bytes{cgroup=\"/a\"} 208896\n"
            "memory_cgroup_max_bytes{cgroup=\"/a\"} 33554432\n"
            "memory_cgroup_swap_current_bytes{cgroup=\"/a\"} 8192\n"
            "memory_cgroup_stat_anon_bytes{cgroup=\"/\"} 1\n"
            "memory_cgroup_stat_anon_bytes{cgroup=\"/a\"} 4096\n"
            "memory_cgroup_stat_kernel_bytes{cgroup=\"/a\"} 86016\n"
            "memory_cgroup_events_total{cgroup=\"/a\",event=\"max\"} 3152\n"
            "memory_cgroup_events_total{cgroup=\"/a\",event=\"oom_kill\"} 1\n"
            "memory_cgroup_swap_events_total{cgroup=\"/a\",event=\"max\"} 7\n"
            "memory_cgroup_under_oom{cgroup=\"/a\"} 0\n"
            "memory_cgroup_oom_kill_disabled{cgroup=\"/a\"} 0\n");
}

TEST(CgroupCollector, FindsTheControllerInTheHybridLayout) {
  FixtureTree tree;
  tree.write("sys/fs/cgroup/unified/cgroup.controllers", "\n")
      .write(file(v1, "", "memory.stat"), "total_rss 1\n");
  EXPECT_EQ(collected_from(tree), "memory_cgroup_stat_anon_bytes{cgroup=\"/\"} 1\n");
  tree.write("sys/fs/cgroup/unified/cgroup.controllers", "cpu memory\n")
      .write("sys/fs/cgroup/unified/a/memory.current", "2\n");
  EXPECT_EQ(collected_from(tree), "memory_cgroup_current_bytes{cgroup=\"/a\"} 2\n");
}

TEST(CgroupCollector, WritesNothingWithoutTheController) {
  EXPECT_EQ(collected_from(FixtureTree()), "");
  FixtureTree tree;
  tree.write("sys/fs/cgroup/cgroup.controllers", "cpu io memoryless\n")
      .write("sys/fs/cgroup/a/memory.current", "1\n");
  EXPECT_EQ(collected_from(tree), "");
}

TEST(CgroupCollector, LeavesOutFiguresOfACgroupThatIsGoneOrHasTheControllerOff) {
  FixtureTree tree;
  make_v2(tree).write(file(v2, "/a", "cgroup.procs"), "");
  EXPECT_EQ(collected_from(tree), "");
}

TEST(CgroupCollector, LeavesOutWhatIsMalformedAndKeepsTheRest) {
  FixtureTree tree;
  make_v2(tree)
      .write(file(v2, "/a", "memory.current"), "1\n")
      .write(file(v2, "/b", "memory.current"), "x\n")
      .write(file(v2, "/b", "memory.peak"), "2\n")
      .write(file(v2, "/c", "memory.current"), "")
      .write(file(v2, "/d", "memory.stat"), "anon 3\nfile 4");
  EXPECT_EQ(collected_from(tree),
            "memory_cgroup_current_bytes{cgroup=\"/a\"} 1\n"
            "memory_cgroup_peak_bytes{cgroup=\"/b\"} 2\n"
            "memory_cgroup_stat_anon_bytes{cgroup=\"/d\"} 3\n"
            "error: memory.current: malformed: " +
                tree.path(file(v2, "/b", "memory.current")) +
                ":1: expected \"max\" or a number\n"
                "error: memory.current: malformed: " +
                tree.path(file(v2, "/c", "memory.current")) +
                ":1: expected \"max\" or a number\n"
                "error: memory.stat: malformed: " +
                tree.path(file(v2, "/d", "memory.stat")) +
                ":2: expected a newline, the line is cut short\n");
}

// v1 adds up counters that race, and printed a sum below 0 as it was before 4.2.
TEST(CgroupCollector, LeavesOutANegativeFigureOfV1) {
  FixtureTree tree;
  tree.write(file(v1, "", "memory.stat"), "total_rss 1\n")
      .write(file(v1, "/a", "memory.stat"),
             "mapped_file -8192\ntotal_rss 2\ntotal_mapped_file -8192\ntotal_cache 3\n")
      .write(file(v1, "/b", "memory.stat"), "total_rss 4\n");
  EXPECT_EQ(collected_from(tree),
            "memory_cgroup_stat_anon_bytes{cgroup=\"/\"} 1\n"
            "memory_cgroup_stat_anon_bytes{cgroup=\"/a\"} 2\n"
            "memory_cgroup_stat_anon_bytes{cgroup=\"/b\"} 4\n"
            "memory_cgroup_stat_file_bytes{cgroup=\"/a\"} 3\n"
            "error: memory.stat: malformed: " +
                tree.path(file(v1, "/a", "memory.stat")) + ":3: expected \"field number\"\n");
}

TEST(CgroupCollector, LeavesOutAmountsThatNoMachineCanHold) {
  FixtureTree tree;
  make_v2(tree)
      .write(file(v2, "/a", "memory.current"), "4611686018427387904\n")
      .write(file(v2, "/a", "memory.swap.current"), "4096\n")
      .write(file(v2, "/a", "memory.stat"),
             "anon 18446744073709547520\npgfault 9223372036854775808\n");
  EXPECT_EQ(collected_from(tree),
            "memory_cgroup_swap_current_bytes{cgroup=\"/a\"} 4096\n"
            "memory_cgroup_stat_pgfault_total{cgroup=\"/a\"} 9223372036854775808\n");
}

TEST(CgroupCollector, KeepsTheFirstOfAFieldPrintedTwice) {
  FixtureTree tree;
  make_v2(tree)
      .write(file(v2, "/a", "memory.stat"), "anon 1\nanon 2\n")
      .write(file(v2, "/a", "memory.events"), "oom 3\noom 4\n");
  EXPECT_EQ(collected_from(tree),
            "memory_cgroup_stat_anon_bytes{cgroup=\"/a\"} 1\n"
            "memory_cgroup_events_total{cgroup=\"/a\",event=\"oom\"} 3\n");
}

TEST(CgroupCollector, LeavesOutAClosedDirectoryAlone) {
  FixtureTree tree;
  make_v2(tree)
      .write(file(v2, "/closed/inside", "memory.current"), "1\n")
      .write(file(v2, "/open/inside", "memory.current"), "2\n")
      .forbid("sys/fs/cgroup/closed");
  const Unprivileged unprivileged;
  const auto text = collected_from(tree);
  EXPECT_THAT(text, HasSubstr("memory_cgroup_current_bytes{cgroup=\"/open/inside\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("/inside\"} 1")));
  EXPECT_THAT(text, HasSubstr("error: cgroup: denied: " + tree.path("sys/fs/cgroup/closed") +
                              ": Permission denied\n"));
}

// The hierarchy is there, though nobody may read its root.
TEST(CgroupCollector, FindsAHierarchyOfV1WhoseRootIsDenied) {
  FixtureTree tree;
  tree.write(file(v1, "", "memory.stat"), "total_rss 1\n")
      .write(file(v1, "/a", "memory.stat"), "total_rss 2\n")
      .forbid(file(v1, "", "memory.stat"));
  const Unprivileged unprivileged;
  EXPECT_THAT(collected_from(tree), HasSubstr("memory_cgroup_stat_anon_bytes{cgroup=\"/a\"} 2\n"));
}

TEST(CgroupCollector, FailsWhereAFileIsDenied) {
  FixtureTree tree;
  make_v2(tree).write(file(v2, "/a", "memory.max"), "max\n").forbid(file(v2, "/a", "memory.max"));
  const Unprivileged unprivileged;
  EXPECT_EQ(collected_from(tree),
            "error: memory.max: denied: " + tree.path(file(v2, "/a", "memory.max")) +
                ": Permission denied\n");
}

class CgroupSelection : public testing::Test {
 protected:
  CgroupSelection() {
    make_v2(tree_);
    for (const char* cgroup :
         {"/system.slice", "/system.slice/web.service", "/system.slice/web.service/worker",
          "/system.slice/db.service", "/user.slice", "/user.slice/user-1000.slice"}) {
      tree_.write(file(v2, cgroup, "memory.current"), "1\n");
    }
  }

  std::vector<std::string> selected(unsigned depth, const char* include = nullptr,
                                    const char* exclude = nullptr) {
    CgroupSettings options;
    options.depth = depth;
    if (include != nullptr) options.include = *Pattern::compile(include);
    if (exclude != nullptr) options.exclude = *Pattern::compile(exclude);
    ReadErrors errors;
    const auto hierarchy = CgroupFinder(tree_.trees()).find(errors);
    EXPECT_TRUE(hierarchy);
    auto list = list_cgroups(*hierarchy, options, errors, [] { return false; });
    EXPECT_FALSE(errors.any());
    EXPECT_EQ(list.left_out, 0u);
    return list.paths;
  }

 private:
  FixtureTree tree_;
};

TEST_F(CgroupSelection, GoesDownToTheDepth) {
  EXPECT_THAT(selected(0), ElementsAre("/"));
  EXPECT_THAT(selected(1), ElementsAre("/", "/system.slice", "/user.slice"));
  EXPECT_THAT(selected(2), ElementsAre("/", "/system.slice", "/system.slice/db.service",
                                       "/system.slice/web.service", "/user.slice",
                                       "/user.slice/user-1000.slice"));
  EXPECT_THAT(selected(9).back(), "/user.slice/user-1000.slice");
  EXPECT_EQ(selected(9).size(), 7u);
}

TEST_F(CgroupSelection, TakesWhatTheIncludePatternMatchesAnywhere) {
  EXPECT_THAT(selected(3, "web"),
              ElementsAre("/system.slice/web.service", "/system.slice/web.service/worker"));
  EXPECT_THAT(selected(3, "\\.service$"),
              ElementsAre("/system.slice/db.service", "/system.slice/web.service"));
  EXPECT_THAT(selected(3, "nothing"), IsEmpty());
}

TEST_F(CgroupSelection, LetsTheExcludePatternWinAndStillLooksBelow) {
  EXPECT_THAT(selected(2, "slice", "^/system\\.slice$"),
              ElementsAre("/system.slice/db.service", "/system.slice/web.service", "/user.slice",
                          "/user.slice/user-1000.slice"));
  EXPECT_THAT(selected(2, nullptr, "."), IsEmpty());
}

/// Cgroups that somebody made at will.
class TooManyCgroups : public testing::Test {
 protected:
  TooManyCgroups() {
    make_v2(tree_);
    for (const auto* path : {"", "/a", "/a/x", "/a/y", "/b", "/b/z", "/c"}) {
      tree_.write(file(v2, path, "memory.current"), "1\n");
    }
  }

  CgroupList listed(
      unsigned max, const char* include = nullptr,
      const std::function<bool()>& out_of_time = [] { return false; }) {
    CgroupSettings options;
    options.max = max;
    if (include != nullptr) options.include = *Pattern::compile(include);
    ReadErrors errors;
    const auto hierarchy = CgroupFinder(tree_.trees()).find(errors);
    return list_cgroups(*hierarchy, options, errors, out_of_time);
  }

  FixtureTree tree_;
};

TEST_F(TooManyCgroups, AreLeftOutFromTheDeepestOn) {
  EXPECT_THAT(listed(7).paths, ElementsAre("/", "/a", "/a/x", "/a/y", "/b", "/b/z", "/c"));
  EXPECT_EQ(listed(7).left_out, 0u);
  EXPECT_THAT(listed(5).paths, ElementsAre("/", "/a", "/a/x", "/b", "/c"));
  EXPECT_EQ(listed(5).left_out, 2u);
  EXPECT_THAT(listed(2).paths, ElementsAre("/", "/a"));
  EXPECT_EQ(listed(2).left_out, 5u);
}

TEST_F(TooManyCgroups, CountOnlyWhereThePatternsSelectThem) {
  EXPECT_THAT(listed(1, "/[xyz]$").paths, ElementsAre("/a/x"));
  EXPECT_EQ(listed(1, "/[xyz]$").left_out, 2u);
}

TEST_F(TooManyCgroups, AreCountedAndNotSummed) {
  CgroupSettings options;
  options.max = 2;
  EXPECT_EQ(collected_from(tree_, options),
            "memory_cgroup_current_bytes{cgroup=\"/\"} 1\n"
            "memory_cgroup_current_bytes{cgroup=\"/a\"} 1\n"
            "memory_exporter_cgroups_left_out 5\n");
}

TEST_F(TooManyCgroups, AreNotListedBeyondTheDeadline) {
  int asked = 0;
  EXPECT_THAT(listed(7, nullptr, [&] { return ++asked > 2; }).paths,
              ElementsAre("/", "/a", "/a/x", "/a/y", "/b", "/c"));
}

TEST_F(TooManyCgroups, AreNotReadBeyondTheDeadline) {
  TextSink sink;
  SharedMeminfo meminfo(tree_.trees().procfs);
  ReadErrors errors;
  const process::Snapshot none;
  Collection collection{none, sink, meminfo, errors};
  collection.deadline = std::chrono::steady_clock::now();
  make_cgroup_collector(tree_.trees(), {})->collect(collection);
  EXPECT_EQ(sink.text(), "");
  EXPECT_TRUE(collection.late);
}

TEST(CgroupCollector, MakesNoOneLabelOfTwoNames) {
  FixtureTree tree;
  make_v2(tree)
      .write(file(v2, "/a\xff", "memory.current"), "1\n")
      .write(file(v2, "/a\xfe", "memory.current"), "2\n");
  EXPECT_EQ(collected_from(tree), "memory_cgroup_current_bytes{cgroup=\"" + valid_label("/a\xfe") +
                                      "\"} 2\n"
                                      "memory_cgroup_current_bytes{cgroup=\"" +
                                      valid_label("/a\xff") + "\"} 1\n");
  EXPECT_NE(valid_label("/a\xff"), valid_label("/a\xfe"));
}

// systemd's MemoryLow=infinity protects everything, which is the opposite of no protection.
TEST(CgroupCollector, WritesAProtectionOfEverythingAsInfinity) {
  FixtureTree tree;
  make_v2(tree);
  for (const auto* name : {"memory.min", "memory.low", "memory.high", "memory.max"}) {
    tree.write(file(v2, "/a", name), "max\n");
  }
  EXPECT_EQ(collected_from(tree),
            "memory_cgroup_min_bytes{cgroup=\"/a\"} inf\n"
            "memory_cgroup_low_bytes{cgroup=\"/a\"} inf\n");
}

// PAGE_COUNTER_MAX by word and page size, and what there was before page counters.
TEST(CgroupCollector, KnowsNoLimitOfV1OnEveryMachine) {
  const std::pair<const char*, std::uint64_t> machines[] = {
      {"64 bits, 4 KiB", 9223372036854771712u},
      {"64 bits, 16 KiB", 9223372036854759424u},
      {"64 bits, 64 KiB", 9223372036854710272u},
      {"32 bits, 4 KiB", 8796093018112u},
      {"32 bits, 32 KiB", 70368744144896u},
      {"32 bits, 256 KiB", 562949953159168u},
      {"32 bits, 16 KiB", 35184372072448u},
      {"32 bits, 64 KiB", 140737488289792u},
      {"2.6", 9223372036854775807u},
      {"3.17", 18446744073709551615u}};
  for (const auto& [machine, bytes] : machines) {
    FixtureTree tree;
    tree.write(file(v1, "", "memory.stat"), "total_rss 1\n")
        .write(file(v1, "", "memory.limit_in_bytes"), std::to_string(bytes) + '\n')
        .write(file(v1, "", "memory.soft_limit_in_bytes"), std::to_string(bytes) + '\n');
    EXPECT_EQ(collected_from(tree), "memory_cgroup_stat_anon_bytes{cgroup=\"/\"} 1\n") << machine;
    tree.write(file(v1, "", "memory.limit_in_bytes"), "8796093014016\n");
    EXPECT_THAT(collected_from(tree),
                HasSubstr("memory_cgroup_max_bytes{cgroup=\"/\"} 8796093014016\n"));
  }
}

/// A machine that has its cgroups elsewhere: mountinfo tells.
class CgroupsElsewhere : public testing::Test {
 protected:
  FixtureTree& mounted(const std::string& mountinfo, const char* of = "self") {
    return tree_.write("proc/" + std::string(of) + "/mountinfo",
                       "21 20 0:20 / /sys rw - sysfs sysfs rw\nodd line\n" + mountinfo);
  }
  std::string labels() {
    std::string text;
    const auto written = collected_from(tree_);
    for (std::string_view rest = written; !rest.empty();) {
      const auto line = take_line(rest);
      constexpr std::string_view family = "memory_cgroup_current_bytes{cgroup=\"";
      if (!line.starts_with(family)) continue;
      text += line.substr(family.size(), line.find('"', family.size()) - family.size());
      text += ' ';
    }
    return text;
  }

  FixtureTree tree_;
};

TEST_F(CgroupsElsewhere, AreFoundWithAnotherControllerOfV1) {
  mounted("30 21 0:27 / /sys/fs/cgroup/cpu,memory rw - cgroup cgroup rw,cpu,memory\n")
      .write("sys/fs/cgroup/cpu,memory/memory.stat", "total_rss 1\n")
      .write("sys/fs/cgroup/cpu,memory/docker/memory.usage_in_bytes", "4194304\n");
  EXPECT_EQ(labels(), "/docker ");
}

TEST_F(CgroupsElsewhere, AreFoundBelowTheRootfs) {
  mounted(
      "30 21 0:26 / /cgroup/cpu rw - cgroup cgroup rw,cpu\n"
      "31 21 0:27 / /cgroup/me\\040mory rw - cgroup none rw,memory\n")
      .write("cgroup/me mory/memory.stat", "total_rss 1\n")
      .write("cgroup/me mory/a/memory.usage_in_bytes", "1\n");
  EXPECT_EQ(labels(), "/a ");
}

TEST_F(CgroupsElsewhere, AreFoundOnV2WhereTheControllerIsTheirs) {
  mounted(
      "30 21 0:26 / /mnt/other rw - cgroup2 none rw\n"
      "31 21 0:26 / /mnt/unified rw - cgroup2 none rw,nsdelegate\n")
      .write("mnt/other/cgroup.controllers", "cpu\n")
      .write("mnt/unified/cgroup.controllers", "cpu memory\n")
      .write("mnt/unified/a/memory.current", "1\n");
  EXPECT_EQ(labels(), "/a ");
}

// In a container our own mounts are not the host's; those of its first process are.
TEST_F(CgroupsElsewhere, AreFoundWhereTheHostHasThem) {
  mounted("30 21 0:27 / /sys/fs/cgroup/memory rw - cgroup none rw,memory\n");
  mounted("30 21 0:27 / /cgroup rw - cgroup none rw,memory\n", "1")
      .write("cgroup/memory.stat", "total_rss 1\n")
      .write("cgroup/a/memory.usage_in_bytes", "1\n");
  EXPECT_EQ(labels(), "/a ");
}

TEST_F(CgroupsElsewhere, AreNotFoundWhereThereAreNone) {
  mounted("30 21 0:27 / /sys/fs/cgroup/cpu rw - cgroup none rw,cpu,memory2\n")
      .write("sys/fs/cgroup/cpu/memory.stat", "total_rss 1\n");
  EXPECT_EQ(labels(), "");
}

// Docker on v1 mounts the container's own part; processes' cgroups have the whole path.
TEST_F(CgroupsElsewhere, HaveTheKernelsNamesWhereOnlyAPartIsMounted) {
  mounted("30 21 0:27 /docker/c1 " + tree_.path("sys/fs/cgroup/memory") +
          " rw - cgroup none rw,memory\n")
      .write("sys/fs/cgroup/memory/memory.stat", "total_rss 1\n")
      .write("sys/fs/cgroup/memory/memory.usage_in_bytes", "1\n")
      .write("sys/fs/cgroup/memory/b/memory.usage_in_bytes", "1\n")
      .write("sys/fs/cgroup/memory/cgroup.procs", "42\n")
      .write("proc/self/cgroup", "4:memory:/docker/c1\n");
  EXPECT_EQ(labels(), "/docker/c1 /docker/c1/b ");
  ReadErrors errors;
  EXPECT_EQ(find_namespace_root(tree_.trees(), 42, errors, [] { return false; }), "");
}

constexpr pid_t self = 42;

std::string namespace_root(const FixtureTree& tree, pid_t pid) {
  ReadErrors errors;
  return find_namespace_root(tree.trees(), pid, errors, [] { return false; });
}

TEST(NamespaceRoot, IsTheTreesWhereOurCgroupIsFoundUnderItsOwnName) {
  FixtureTree tree;
  make_v2(tree)
      .write("proc/self/cgroup", "0::/system.slice/exporter.service\n")
      .write("sys/fs/cgroup/cgroup.procs", "")
      .write("sys/fs/cgroup/system.slice/exporter.service/cgroup.procs", "7\n42\n");
  EXPECT_EQ(namespace_root(tree, self), "");
  tree.write("proc/self/cgroup", "0::/\n").write("sys/fs/cgroup/cgroup.procs", "1\n42\n");
  EXPECT_EQ(namespace_root(tree, self), "");
}

TEST(NamespaceRoot, IsTheCgroupThatHasUsInIt) {
  FixtureTree tree;
  make_v2(tree)
      .write("proc/self/cgroup", "0::/\n")
      .write("sys/fs/cgroup/cgroup.procs", "2\n")
      .write("sys/fs/cgroup/k/p1/c1/cgroup.procs", "421\n4\n")
      .write("sys/fs/cgroup/k/p1/c2/cgroup.procs", "41\n42\n")
      .write("sys/fs/cgroup/k/p2/cgroup.procs", "");
  EXPECT_EQ(namespace_root(tree, self), "/k/p1/c2");
  tree.write("proc/self/cgroup", "0::/c2\n");
  EXPECT_EQ(namespace_root(tree, self), "/k/p1");
  tree.write("proc/self/cgroup", "0::/p1/c2\n");
  EXPECT_EQ(namespace_root(tree, self), "/k");
}

TEST(NamespaceRoot, IsNotLookedForBeyondTheDeadline) {
  FixtureTree tree;
  make_v2(tree)
      .write("proc/self/cgroup", "0::/\n")
      .write("sys/fs/cgroup/k/c1/cgroup.procs", "42\n");
  ReadErrors errors;
  EXPECT_EQ(find_namespace_root(tree.trees(), self, errors, [] { return true; }), "");
}

TEST(NamespaceRoot, IsFoundBesideAClosedDirectory) {
  FixtureTree tree;
  make_v2(tree)
      .write("proc/self/cgroup", "0::/\n")
      .write("sys/fs/cgroup/cgroup.procs", "2\n")
      .write("sys/fs/cgroup/a/closed/cgroup.procs", "3\n")
      .write("sys/fs/cgroup/k/c1/cgroup.procs", "42\n")
      .forbid("sys/fs/cgroup/a");
  const Unprivileged unprivileged;
  EXPECT_EQ(namespace_root(tree, self), "/k/c1");
}

TEST(NamespaceRoot, IsFoundInTheHierarchyOfCgroupV1) {
  FixtureTree tree;
  tree.write(file(v1, "", "memory.stat"), "total_rss 1\n")
      .write("proc/self/cgroup", "4:memory:/\n0::/\n")
      .write(file(v1, "/docker/c1", "cgroup.procs"), "42\n");
  EXPECT_EQ(namespace_root(tree, self), "/docker/c1");
}

TEST(NamespaceRoot, IsTheTreesWhereItCannotBeFound) {
  EXPECT_EQ(namespace_root(FixtureTree(), self), "");
  FixtureTree tree;
  make_v2(tree).write("sys/fs/cgroup/k/c1/cgroup.procs", "42\n");
  EXPECT_EQ(namespace_root(tree, self), "") << "without our own path";
  // We were moved out of our namespace, or its tree is another's.
  for (const char* own : {"0::/../c1\n", "0::/1\n", "0::/elsewhere\n", "nonsense"}) {
    tree.write("proc/self/cgroup", own);
    EXPECT_EQ(namespace_root(tree, self), "") << own;
  }
  tree.write("proc/self/cgroup", "0::/\n");
  EXPECT_EQ(namespace_root(tree, 43), "");
  EXPECT_EQ(namespace_root(tree, self), "/k/c1");
}

}  // namespace
}  // namespace memory_exporter
