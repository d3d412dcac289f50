#include "collectors/procfs/escaped_path.h"

#include <gtest/gtest.h>

namespace memory_exporter::procfs {
namespace {

TEST(UnescapePath, UndoesWhatTheKernelEscapes) {
  EXPECT_EQ(unescape_path("/var/my\\040swap\\011a\\134b\\012c"), "/var/my swap\ta\\b\nc");
}

TEST(UnescapePath, LeavesWhatTheKernelDoesNotWrite) {
  for (const auto* path : {"", "/a", "/odd\\04", "/odd\\999", "/odd\\", "/caf\xc3\xa9\xff"}) {
    EXPECT_EQ(unescape_path(path), path);
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
