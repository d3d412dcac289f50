#include "collectors/procfs/cgroup.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace memory_exporter::procfs {
namespace {

struct Capture {
  const char* name;
  const char* text;
  const char* path;
};

void PrintTo(const Capture& capture, std::ostream* out) {
  *out << capture.name;
}

class MemoryCgroupCapture : public testing::TestWithParam<Capture> {};

TEST_P(MemoryCgroupCapture, NamesTheGroupThatMemoryIsChargedTo) {
  const auto path = memory_cgroup(GetParam().text);
  ASSERT_TRUE(path) << path.error().message();
  ASSERT_TRUE(*path);
  EXPECT_EQ(**path, GetParam().path);
}

const Capture captures[] = {
    // Captured: kernel 6.18, x86-64, v1 hierarchies beside an empty v2 mount.
    {"hybrid_6_18",
     "9:name=systemd:/\n8:pids:/\n7:blkio:/\n6:freezer:/\n5:devices:/\n4:memory:/exp/"
     "one\n3:cpuset:/\n"
     "2:cpuacct:/\n1:cpu:/\n0::/\n",
     "/exp/one"},
    // Written after cgroups(7) and the kernel's order of hierarchies (newest first), as systemd
    // 239 mounts them on a 4.18 kernel: memory among others, the unified line systemd's own.
    {"hybrid_4_18",
     "12:hugetlb:/\n11:perf_event:/\n10:memory:/system.slice/sshd.service\n9:pids:/system.slice/"
     "sshd.service\n8:rdma:/\n7:cpu,cpuacct:/system.slice/sshd.service\n6:net_cls,net_prio:/\n"
     "5:freezer:/\n4:devices:/system.slice/sshd.service\n3:blkio:/\n2:cpuset:/\n"
     "1:name=systemd:/system.slice/sshd.service\n0::/system.slice/other.service\n",
     "/system.slice/sshd.service"},
    // Likewise; 4.14, v1 only, several controllers on one hierarchy.
    {"joined_4_14", "3:cpu,memory,blkio:/joined\n2:cpuset:/\n1:name=systemd:/elsewhere\n",
     "/joined"},
    // Likewise; every kernel since 4.5 with the unified hierarchy only.
    {"unified", "0::/user.slice/user-1000.slice/session-3.scope\n",
     "/user.slice/user-1000.slice/session-3.scope"},
    {"unified_root", "0::/\n", "/"},
    {"unified_without_memory_controller_on_v1", "1:name=systemd:/a\n0::/b\n", "/b"},
};

INSTANTIATE_TEST_SUITE_P(Captures, MemoryCgroupCapture, testing::ValuesIn(captures),
                         [](const auto& given) { return std::string(given.param.name); });

TEST(MemoryCgroup, KeepsThePathAsTheKernelPrintsIt) {
  for (const std::string path :
       {"/a:b:c", "/with a space", "/gone (deleted)", "/../../outside the namespace", "/\\x2d",
        "/caf\xc3\xa9", "/bad\xff\xfe", "/kubepods/burstable/pod1/cri-containerd:x"}) {
    const auto v2 = "0::" + path + '\n';
    const auto v1 = "4:memory:" + path + "\n0::/\n";
    ASSERT_TRUE(memory_cgroup(v2)) << path;
    EXPECT_EQ(**memory_cgroup(v2), path);
    ASSERT_TRUE(memory_cgroup(v1)) << path;
    EXPECT_EQ(**memory_cgroup(v1), path);
  }
}

TEST(MemoryCgroup, ReturnsAViewIntoTheText) {
  const std::string text = "4:memory:/a\n";
  const auto path = memory_cgroup(text);
  ASSERT_TRUE(path);
  EXPECT_EQ((*path)->data(), text.data() + 9);
}

TEST(MemoryCgroup, PrefersTheMemoryLineWhereverItStands) {
  EXPECT_EQ(**memory_cgroup("0::/unified\n4:memory:/v1\n"), "/v1");
  EXPECT_EQ(**memory_cgroup("4:memory:/v1\n0::/unified\n"), "/v1");
}

TEST(MemoryCgroup, TakesOnlyTheControllerItselfForMemory) {
  EXPECT_EQ(**memory_cgroup("5:name=memory:/x\n4:memoryless,xmemory:/y\n0::/z\n"), "/z");
  EXPECT_EQ(**memory_cgroup("4:cpu,memory:/last\n"), "/last");
  EXPECT_EQ(**memory_cgroup("4:memory,cpu:/first\n"), "/first");
}

TEST(MemoryCgroup, IsAbsentWithoutAMemoryAndAUnifiedLine) {
  for (const std::string_view text : {"", "1:name=systemd:/a\n", "7::/not-zero\n", "0:cpu:/v1\n"}) {
    const auto path = memory_cgroup(text);
    ASSERT_TRUE(path) << text;
    EXPECT_FALSE(*path) << text;
  }
}

TEST(MemoryCgroup, RefusesALineOfAnotherForm) {
  for (const std::string_view text :
       {"\n", "0\n", "0:\n", "0::\n", "0::relative\n", ":memory:/a\n", "x:memory:/a\n",
        "99999999999999999999:memory:/a\n", "-1:memory:/a\n"}) {
    const auto path = memory_cgroup(text);
    ASSERT_FALSE(path) << text;
    EXPECT_EQ(path.error().kind, ErrorKind::malformed);
    EXPECT_EQ(path.error().line, 1) << text;
  }
  EXPECT_EQ(memory_cgroup("1:cpu:/\n2:cpuset\n").error().line, 2);
}

TEST(MemoryCgroup, PassesOverALineOfAnotherFormThatCannotBeTheWantedOne) {
  for (const std::string_view text :
       {"odd\n0::/a\n", "0::/a\nodd\n", "odd: memory\n4:memory:/a\n0::/b\n"}) {
    Skipped skipped;
    const auto path = memory_cgroup(text, &skipped);
    ASSERT_TRUE(path) << text;
    EXPECT_EQ(*path, "/a") << text;
    EXPECT_EQ(skipped.lines, 1u) << text;
  }
  EXPECT_FALSE(memory_cgroup("x:memory:/a\n0::/b\n")) << "the odd one may be the wanted one";
}

TEST(MemoryCgroup, RefusesATextCutInTheMiddleOfALine) {
  const std::string text = "5:devices:/\n4:memory:/exp/one\n0::/\n";
  for (std::size_t size = 1; size < text.size(); ++size) {
    const auto cut = text.substr(0, size);
    EXPECT_EQ(memory_cgroup(cut).ok(), cut.back() == '\n') << cut;
  }
}

TEST(CgroupInTree, StaysAsItIsWhereTheNamespaceIsTheTrees) {
  for (const char* path : {"/", "/a", "/a/b", "/..x", "/a/..", "/gone (deleted)"}) {
    EXPECT_EQ(cgroup_in_tree(path, ""), path);
  }
}

// What Linux 6.18 prints in a process whose namespace has the root /k/p1/c1.
TEST(CgroupInTree, TakesTheNamesOfTheLevelsAboveFromTheNamespacesRoot) {
  const std::pair<const char*, const char*> paths[] = {
      {"/", "/k/p1/c1"},
      {"/worker", "/k/p1/c1/worker"},
      {"/../c2", "/k/p1/c2"},
      {"/..", "/k/p1"},
      {"/../../p2/c1", "/k/p2/c1"},
      {"/../..", "/k"},
      {"/../../../system.slice/web.service", "/system.slice/web.service"},
      {"/../../..", "/"},
      {"/../..x/..y", "/k/p1/..x/..y"},
      {"/../c2 (deleted)", "/k/p1/c2 (deleted)"},
  };
  for (const auto& [path, in_tree] : paths) {
    EXPECT_EQ(cgroup_in_tree(path, "/k/p1/c1"), in_tree) << path;
  }
}

TEST(CgroupInTree, LeavesAPathThatLeadsOutOfTheTree) {
  EXPECT_EQ(cgroup_in_tree("/../a", ""), "/../a");
  EXPECT_EQ(cgroup_in_tree("/..", ""), "/..");
  EXPECT_EQ(cgroup_in_tree("/../../a", "/c1"), "/../../a");
}

/// What the kernel prints of the cgroup `to` to a reader whose namespace has its root at `from`: up
/// to where the two part, and down again.
std::string as_the_kernel_prints(const std::string& from, const std::string& to) {
  std::string common = from;
  std::string up;
  while (to != common && !to.starts_with(common + '/')) {
    common.resize(common.rfind('/'));
    up += "/..";
  }
  const auto path = up + to.substr(common.size());
  return path.empty() ? "/" : path;
}

TEST(CgroupInTree, UndoesWhatTheKernelDoesToEveryPath) {
  const std::string cgroups[] = {"",           "/a",     "/a/a",      "/a/a/a",    "/b",
                                 "/b/a",       "/a/b",   "/a/b/a",    "/a/b/a/b",  "/..a",
                                 "/a/..b/...", "/ab/ab", "/a/b/ab/a", "/b (gone)", "/a/ab"};
  for (const auto& root : cgroups) {
    for (const auto& cgroup : cgroups) {
      const auto printed = as_the_kernel_prints(root, cgroup);
      EXPECT_EQ(cgroup_in_tree(printed, root), cgroup.empty() ? "/" : cgroup) << root << printed;
    }
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
