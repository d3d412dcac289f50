#pragma once

#include <gtest/gtest.h>

#include <string>

#include "collectors/procfs/reader.h"

namespace memory_exporter::procfs {

/// A file of tests/procfs/captures, such as "linux-6.12/smaps"; fails the test where it is missing.
inline std::string capture(const std::string& path) {
  const auto tree = Tree::open(MEMORY_EXPORTER_CAPTURES);
  EXPECT_TRUE(tree) << tree.error().message();
  if (!tree) return {};
  Buffer buffer;
  const auto text = tree->read(path.c_str(), buffer);
  EXPECT_TRUE(text) << text.error().message();
  return text ? std::string(*text) : std::string();
}

}  // namespace memory_exporter::procfs
