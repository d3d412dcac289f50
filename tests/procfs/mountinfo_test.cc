#include "collectors/procfs/mountinfo.h"

#include <gtest/gtest.h>

#include <string>

namespace memory_exporter::procfs {
namespace {

TEST(ParseMount, ReadsDeviceAndTypeBehindAnyNumberOfOptionalFields) {
  Mount mount;
  ASSERT_TRUE(parse_mount("36 35 98:7 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw", mount));
  EXPECT_EQ(mount.device_major, 98u);
  EXPECT_EQ(mount.device_minor, 7u);
  EXPECT_EQ(mount.type, "ext3");
  ASSERT_TRUE(parse_mount("25 1 0:23 / /run rw - tmpfs tmpfs rw,size=1k", mount));
  EXPECT_EQ(mount.type, "tmpfs");
  ASSERT_TRUE(
      parse_mount("25 1 0:23 / /a\\040b rw shared:1 master:2 unbindable - proc p rw", mount));
  EXPECT_EQ(mount.type, "proc");
}

TEST(ParseMount, ReadsWhatOfWhichHierarchyOfCgroupsIsMountedWhere) {
  Mount mount;
  ASSERT_TRUE(parse_mount(
      "34 30 0:31 /docker/c1 /sys/fs/cgroup/cpu,memory ro - cgroup cgroup rw,cpu,memory", mount));
  EXPECT_EQ(mount.root, "/docker/c1");
  EXPECT_EQ(mount.point, "/sys/fs/cgroup/cpu,memory");
  EXPECT_EQ(mount.type, "cgroup");
  EXPECT_EQ(mount.super_options, "rw,cpu,memory");
  EXPECT_TRUE(has_option(mount.super_options, "memory"));
  EXPECT_TRUE(has_option(mount.super_options, "rw"));
  EXPECT_FALSE(has_option(mount.super_options, "mem"));
  EXPECT_FALSE(has_option("", "memory"));
  EXPECT_FALSE(has_option("name=memory", "memory"));
}

TEST(ParseMount, RefusesEveryTruncation) {
  const std::string whole = "25 1 0:23 / /run rw shared:1 - t";
  Mount mount;
  ASSERT_TRUE(parse_mount(whole, mount));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(parse_mount(whole.substr(0, length), mount)) << length;
  }
}

// A process in a chroot that is no mount point sees none.
TEST(ForEachMount, TakesAnEmptyTextForNoMounts) {
  EXPECT_FALSE(for_each_mount("", [](const Mount&) {}));
}

TEST(ForEachMount, SkipsALineOfAnotherForm) {
  int mounts = 0;
  const auto skipped = for_each_mount(
      "25 1 0:23 / /run rw - tmpfs tmpfs rw\nnonsense\n26 1 0:24 / /dev rw - tmpfs tmpfs rw\n",
      [&](const Mount&) { ++mounts; });
  EXPECT_EQ(skipped.lines, 1u);
  EXPECT_EQ(skipped.first, 2);
  EXPECT_EQ(mounts, 2);
}

TEST(ForEachMount, NeverReadsAShorterTypeOutOfACutText) {
  const std::string whole = "25 1 0:23 / /run rw - tmpfs tmpfs rw\n26 1 0:24 / /x rw - ext4 x rw\n";
  ASSERT_FALSE(for_each_mount(whole, [](auto&) {}));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const auto cut = whole.substr(0, size);
    EXPECT_EQ(bool(for_each_mount(cut, [](auto&) {})), !cut.ends_with('\n')) << cut;
  }
}

TEST(MountinfoParser, ReadsPiecesOfAnySize) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "25 1 0:" + std::to_string(i) + " / /run rw - tmpfs t rw\n";
  for (const std::size_t size : {1u, 7u, 40u, 4096u}) {
    MountinfoParser parser;
    std::string held;
    std::uint32_t next = 0;
    for (std::size_t at = 0; at <= text.size(); at += size) {
      held += text.substr(at, size);
      const auto taken = parser.parse(held, at + size > text.size(), [&](const Mount& mount) {
        EXPECT_EQ(mount.device_minor, next++);
      });
      ASSERT_TRUE(taken) << taken.error().message();
      held.erase(0, *taken);
    }
    EXPECT_EQ(next, 100u) << size;
  }
}

TEST(MountinfoParser, RefusesALineOfAnotherFormAndOneThatIsCutShort) {
  const auto ignore = [](const Mount&) {};
  const std::string good = "25 1 0:23 / /run rw - tmpfs tmpfs rw\n";
  const auto odd = MountinfoParser().parse(good + "nonsense\n", true, ignore);
  ASSERT_FALSE(odd);
  EXPECT_EQ(odd.error().line, 2);
  EXPECT_FALSE(MountinfoParser().parse(good + "26 1 0:2", true, ignore));
  EXPECT_TRUE(MountinfoParser().parse("", true, ignore));
}

}  // namespace
}  // namespace memory_exporter::procfs
