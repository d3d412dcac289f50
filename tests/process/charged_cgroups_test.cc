#include "collectors/process/table/charged_cgroups.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "collectors/process/table/process_table.h"
#include "tests/process/fake_process.h"

namespace memory_exporter::process {
namespace {

using memory_exporter::testing::TempTree;
using std::chrono::seconds;

MemoryOrder nobody_knows(pid_t, pid_t) {
  return MemoryOrder::unknown;
}

class ChargedCgroupsTest : public ::testing::Test {
 protected:
  ChargedCgroupsTest() {
    cgroups_.write("cgroup.controllers", "memory pids\n");
    make("svc", true);
    make("svc/workers", false);
    make("svc/workers/deep", false);
    make("bare", false);
    make("bare/below", false);
  }

  void make(const std::string& path, bool with_memory) {
    cgroups_.write(path + "/cgroup.type", with_memory ? "domain threaded\n" : "threaded\n");
    cgroups_.write(path + "/memory.pressure", "");  // every cgroup has it
    if (with_memory) cgroups_.write(path + "/memory.current", "4096\n");
  }

  static Result<std::string_view> charged_of(ChargedCgroups& cgroups, std::string_view path) {
    return cgroups.of(path, [&](std::string_view unknown) { return cgroups.look_for(unknown); });
  }
  std::string of(std::string_view path) { return std::string(*charged_of(charged_, path)); }

  TempTree cgroups_;
  ChargedCgroups charged_{cgroups_.open()};
};

TEST_F(ChargedCgroupsTest, OneWithMemoryFilesIsChargedItself) {
  EXPECT_EQ(of("/svc"), "/svc");
  EXPECT_EQ(of("/"), "/");
  make("svc/sub", true);
  EXPECT_EQ(of("/svc/sub"), "/svc/sub");
}

TEST_F(ChargedCgroupsTest, OneWithoutIsChargedToTheNearestAboveThatHasThem) {
  EXPECT_EQ(of("/svc/workers"), "/svc");
  EXPECT_EQ(of("/svc/workers/deep"), "/svc");
}

TEST_F(ChargedCgroupsTest, WhereNoneAboveHasThemItIsTheRoot) {
  EXPECT_EQ(of("/bare"), "/");
  EXPECT_EQ(of("/bare/below"), "/");
}

TEST_F(ChargedCgroupsTest, AnyOfTheControllersFilesTells) {
  cgroups_.write("bare/memory.stat", "anon 1\n");
  EXPECT_EQ(of("/bare/below"), "/bare");
}

TEST_F(ChargedCgroupsTest, WhatIsNotInTheTreeStaysAsItIs) {
  EXPECT_EQ(of("/svc/gone"), "/svc/gone");
  EXPECT_EQ(of("/svc/workers (deleted)"), "/svc/workers (deleted)");
  EXPECT_EQ(of("/../other"), "/../other");
  EXPECT_EQ(of(""), "");
}

TEST_F(ChargedCgroupsTest, WhatCannotBeLookedIntoIsAnErrorAndNotRemembered) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root to become another user";
  const auto closed = std::filesystem::path(cgroups_.path("svc"));
  std::filesystem::permissions(cgroups_.path(), std::filesystem::perms::all);
  std::filesystem::permissions(closed, std::filesystem::perms::none);
  ASSERT_EQ(::seteuid(65534), 0);
  const auto found = charged_of(charged_, "/svc/workers");
  ASSERT_EQ(::seteuid(0), 0);
  std::filesystem::permissions(closed, std::filesystem::perms::all);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::denied);
  EXPECT_EQ(of("/svc/workers"), "/svc");
}

/// In a container that has its own part of the hierarchy mounted.
TEST_F(ChargedCgroupsTest, APartOfTheTreeAnswersForWhatIsInIt) {
  ChargedCgroups part(cgroups_.open(), "/docker/c1");
  EXPECT_EQ(*charged_of(part, "/docker/c1/svc/workers"), "/docker/c1/svc");
  EXPECT_EQ(*charged_of(part, "/docker/c1/bare/below"), "/docker/c1/bare/below")
      << "what is above is unseen";
  EXPECT_EQ(*charged_of(part, "/docker/c1"), "/docker/c1");
  EXPECT_EQ(*charged_of(part, "/svc/workers"), "/svc/workers");
  EXPECT_EQ(*charged_of(part, "/docker/c12/svc/workers"), "/docker/c12/svc/workers");
  EXPECT_EQ(*charged_of(part, "/"), "/");
}

TEST_F(ChargedCgroupsTest, RemembersUntilToldToForget) {
  EXPECT_EQ(of("/svc/workers"), "/svc");
  cgroups_.write("svc/workers/memory.current", "1\n");
  EXPECT_EQ(of("/svc/workers"), "/svc");
  charged_.forget();
  EXPECT_EQ(of("/svc/workers"), "/svc/workers");
}

TEST_F(ChargedCgroupsTest, RemembersNoMoreThanItsBound) {
  EXPECT_EQ(of("/svc/workers"), "/svc");
  for (std::size_t i = 0; i < ChargedCgroups::most_known; ++i) of("/svc/" + std::to_string(i));
  cgroups_.write("svc/workers/memory.current", "1\n");
  EXPECT_EQ(of("/svc/workers"), "/svc/workers") << "it was forgotten to make room";
}

class ChargedTableTest : public ChargedCgroupsTest {
 protected:
  FindCgroups places(const std::string& namespace_root = {}) const {
    return [known = CgroupPlaces{namespace_root, CgroupTree{cgroups_.path(), {}}}] {
      return Result<CgroupPlaces>(known);
    };
  }

  /// The label of a process in that cgroup.
  std::string label(const std::string& cgroup, const std::string& namespace_root = {}) {
    TempTree procfs;
    FakeProcess{.pid = 10, .cgroup = cgroup}.write(procfs);
    const auto tree = procfs.open();
    ProcessTable table(tree, {true, seconds(60), nobody_knows, places(namespace_root)});
    EXPECT_TRUE(table.refresh(Clock::time_point(std::chrono::hours(1))));
    return *table.processes().at(10).cgroup;
  }
};

TEST_F(ChargedTableTest, AProcessIsLabelledWithTheCgroupThatItsMemoryIsChargedTo) {
  EXPECT_EQ(label("0::/svc/workers\n"), "/svc");
  EXPECT_EQ(label("0::/svc\n"), "/svc");
  EXPECT_EQ(label("0::/workers\n", "/svc"), "/svc") << "in a cgroup namespace";
  EXPECT_EQ(label("0::/elsewhere\n"), "/elsewhere");
}

TEST_F(ChargedTableTest, ControllersThatAreTurnedOnAreSeenWithinAMaxAge) {
  TempTree procfs;
  FakeProcess{.pid = 10, .cgroup = "0::/svc/workers\n"}.write(procfs);
  const auto tree = procfs.open();
  ProcessTable table(tree, {true, seconds(60), nobody_knows, places()});
  Clock::time_point now(std::chrono::hours(1));
  ASSERT_TRUE(table.refresh(now));
  EXPECT_EQ(*table.processes().at(10).cgroup, "/svc");
  cgroups_.write("svc/workers/memory.current", "1\n");
  ASSERT_TRUE(table.refresh(now + seconds(60)));
  EXPECT_EQ(*table.processes().at(10).cgroup, "/svc/workers");
}

}  // namespace
}  // namespace memory_exporter::process
