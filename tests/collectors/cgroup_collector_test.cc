#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/builtin.h"
#include "collectors/cgroup_hierarchy.h"
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

std::string collected_from(const FixtureTree& tree, CgroupOptions cgroup = {}) {
  CollectorOptions options;
  options.cgroup = std::move(cgroup);
  return collected(tree.trees(), *make_cgroup_collector(tree.trees(), options));
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
    CgroupOptions options{depth, {}, {}};
    if (include != nullptr) options.include = *Pattern::compile(include);
    if (exclude != nullptr) options.exclude = *Pattern::compile(exclude);
    ReadErrors errors;
    const auto hierarchy = find_memory_hierarchy(tree_.trees().sysfs, errors);
    EXPECT_TRUE(hierarchy);
    auto paths = list_cgroups(tree_.trees().sysfs, *hierarchy, options, errors);
    EXPECT_FALSE(errors.any());
    return paths;
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

constexpr pid_t self = 42;

TEST(NamespaceRoot, IsTheTreesWhereOurCgroupIsFoundUnderItsOwnName) {
  FixtureTree tree;
  make_v2(tree)
      .write("proc/self/cgroup", "0::/system.slice/exporter.service\n")
      .write("sys/fs/cgroup/cgroup.procs", "")
      .write("sys/fs/cgroup/system.slice/exporter.service/cgroup.procs", "7\n42\n");
  EXPECT_EQ(find_namespace_root(tree.trees(), self), "");
  tree.write("proc/self/cgroup", "0::/\n").write("sys/fs/cgroup/cgroup.procs", "1\n42\n");
  EXPECT_EQ(find_namespace_root(tree.trees(), self), "");
}

TEST(NamespaceRoot, IsTheCgroupThatHasUsInIt) {
  FixtureTree tree;
  make_v2(tree)
      .write("proc/self/cgroup", "0::/\n")
      .write("sys/fs/cgroup/cgroup.procs", "2\n")
      .write("sys/fs/cgroup/k/p1/c1/cgroup.procs", "421\n4\n")
      .write("sys/fs/cgroup/k/p1/c2/cgroup.procs", "41\n42\n")
      .write("sys/fs/cgroup/k/p2/cgroup.procs", "");
  EXPECT_EQ(find_namespace_root(tree.trees(), self), "/k/p1/c2");
  tree.write("proc/self/cgroup", "0::/c2\n");
  EXPECT_EQ(find_namespace_root(tree.trees(), self), "/k/p1");
  tree.write("proc/self/cgroup", "0::/p1/c2\n");
  EXPECT_EQ(find_namespace_root(tree.trees(), self), "/k");
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
  EXPECT_EQ(find_namespace_root(tree.trees(), self), "/k/c1");
}

TEST(NamespaceRoot, IsFoundInTheHierarchyOfCgroupV1) {
  FixtureTree tree;
  tree.write(file(v1, "", "memory.stat"), "total_rss 1\n")
      .write("proc/self/cgroup", "4:memory:/\n0::/\n")
      .write(file(v1, "/docker/c1", "cgroup.procs"), "42\n");
  EXPECT_EQ(find_namespace_root(tree.trees(), self), "/docker/c1");
}

TEST(NamespaceRoot, IsTheTreesWhereItCannotBeFound) {
  EXPECT_EQ(find_namespace_root(FixtureTree().trees(), self), "");
  FixtureTree tree;
  make_v2(tree).write("sys/fs/cgroup/k/c1/cgroup.procs", "42\n");
  EXPECT_EQ(find_namespace_root(tree.trees(), self), "") << "without our own path";
  // We were moved out of our namespace, or its tree is another's.
  for (const char* own : {"0::/../c1\n", "0::/1\n", "0::/elsewhere\n", "nonsense"}) {
    tree.write("proc/self/cgroup", own);
    EXPECT_EQ(find_namespace_root(tree.trees(), self), "") << own;
  }
  tree.write("proc/self/cgroup", "0::/\n");
  EXPECT_EQ(find_namespace_root(tree.trees(), 43), "");
  EXPECT_EQ(find_namespace_root(tree.trees(), self), "/k/c1");
}

}  // namespace
}  // namespace memory_exporter
