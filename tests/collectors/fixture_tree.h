#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "collectors/collector.h"

namespace memory_exporter {

/// A procfs and a sysfs built in code, in a folder that goes away with the object. The root file
/// system is the folder itself.
class FixtureTree {
 public:
  FixtureTree() : root_(make_root()), trees_{open("proc"), open("sys"), open("")} {}
  FixtureTree(const FixtureTree&) = delete;
  FixtureTree& operator=(const FixtureTree&) = delete;
  ~FixtureTree() { std::filesystem::remove_all(root_); }

  /// Writes one file, with the folders above it: write("proc/swaps", "...").
  FixtureTree& write(const std::string& path, std::string_view text) {
    const auto whole = root_ / path;
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole, std::ios::binary) << text;
    return *this;
  }

  /// Writes the files of a capture, in the form of tests/collectors/captures: each file's text
  /// follows a line "==> PATH <==", or "==x PATH <==" where nobody may read it.
  FixtureTree& write_capture(std::string_view capture) {
    constexpr std::string_view open = "==> ", open_denied = "==x ", close = " <==\n";
    const auto begins = [&](std::string_view text) {
      return text.starts_with(open) || text.starts_with(open_denied);
    };
    while (begins(capture)) {
      const bool denied = capture.starts_with(open_denied);
      capture.remove_prefix(open.size());
      const std::string path(capture.substr(0, capture.find(close)));
      capture.remove_prefix(path.size() + close.size());
      std::size_t size = 0;
      while (size < capture.size() && !begins(capture.substr(size))) {
        const auto end = capture.find('\n', size);
        size = end == std::string_view::npos ? capture.size() : end + 1;
      }
      write(path, capture.substr(0, size));
      if (denied) forbid(path);
      capture.remove_prefix(size);
    }
    EXPECT_TRUE(capture.empty()) << "not a capture at: " << capture.substr(0, 80);
    return *this;
  }

  FixtureTree& forbid(const std::string& path) {
    EXPECT_EQ(::chmod((root_ / path).c_str(), 0), 0);
    return *this;
  }

  FixtureTree& remove(const std::string& path) {
    std::filesystem::remove_all(root_ / path);
    return *this;
  }

  std::string path(const std::string& relative) const { return (root_ / relative).string(); }
  const Trees& trees() const { return trees_; }

 private:
  static std::filesystem::path make_root() {
    auto pattern = testing::TempDir() + "memory_exporter_XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    std::filesystem::create_directories(pattern + "/proc");
    std::filesystem::create_directories(pattern + "/sys");
    // Others may look in, so that a test which gives up its privileges meets only forbid().
    EXPECT_EQ(::chmod(pattern.c_str(), 0755), 0);
    return pattern;
  }

  procfs::Tree open(const char* name) const {
    auto tree = procfs::Tree::open((root_ / name).string());
    EXPECT_TRUE(tree);
    return std::move(*tree);
  }

  std::filesystem::path root_;
  Trees trees_;
};

/// While it lives, permissions count for root too.
class Unprivileged {
 public:
  Unprivileged() { change_to(nobody); }
  ~Unprivileged() { change_to(0); }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;

 private:
  static constexpr uid_t nobody = 65534;
  void change_to(uid_t user) {
    if (::getuid() != 0) return;
    EXPECT_EQ(::seteuid(user), 0);
  }
};

}  // namespace memory_exporter
