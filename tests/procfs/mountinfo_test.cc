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

TEST(ParseMount, RefusesEveryTruncation) {
  const std::string whole = "25 1 0:23 / /run rw shared:1 - t";
  Mount mount;
  ASSERT_TRUE(parse_mount(whole, mount));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(parse_mount(whole.substr(0, length), mount)) << length;
  }
}

TEST(ForEachMount, NamesTheLineOfAnotherForm) {
  const auto walked =
      for_each_mount("25 1 0:23 / /run rw - tmpfs tmpfs rw\nnonsense\n", [](auto&) {});
  ASSERT_FALSE(walked);
  EXPECT_EQ(walked.error().line, 2);
}

TEST(ForEachMount, NeverReadsAShorterTypeOutOfACutText) {
  const std::string whole = "25 1 0:23 / /run rw - tmpfs tmpfs rw\n26 1 0:24 / /x rw - ext4 x rw\n";
  ASSERT_TRUE(for_each_mount(whole, [](auto&) {}));
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const auto cut = whole.substr(0, size);
    EXPECT_EQ(for_each_mount(cut, [](auto&) {}).ok(), cut.ends_with('\n')) << cut;
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
