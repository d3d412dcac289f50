#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "collectors/procfs/reader.h"

namespace memory_exporter::testing {

/// A directory of files that a test writes next to its assertions; gone with the object.
class TempTree {
 public:
  TempTree() {
    std::string pattern = ::testing::TempDir() + "/memory_exporter.XXXXXX";
    root_ = ::mkdtemp(pattern.data());
  }
  ~TempTree() { std::filesystem::remove_all(root_); }
  TempTree(const TempTree&) = delete;
  TempTree& operator=(const TempTree&) = delete;

  std::string path(std::string_view relative = {}) const { return (root_ / relative).string(); }

  /// Makes the folders on the way too.
  void write(std::string_view relative, std::string_view text) const {
    std::filesystem::create_directories((root_ / relative).parent_path());
    std::ofstream(root_ / relative, std::ios::binary) << text;
  }

  void remove(std::string_view relative) const { std::filesystem::remove_all(root_ / relative); }

  procfs::Tree open() const {
    auto tree = procfs::Tree::open(root_.string());
    EXPECT_TRUE(tree.ok());
    return std::move(*tree);
  }

 private:
  std::filesystem::path root_;
};

}  // namespace memory_exporter::testing
