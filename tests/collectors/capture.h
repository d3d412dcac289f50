#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>

#include "collectors/process/monitor.h"
#include "collectors/registry.h"
#include "tests/collectors/fixture_tree.h"

namespace memory_exporter {

/// A whole machine of tests/collectors/captures, and what is known of it beforehand.
struct Capture {
  const char* name;
  unsigned page_kib = 4;
  /// Why it has no balance; empty: it has one.
  const char* no_balance = "";
  /// What belongs to nobody, where it was made so; negative: it was captured.
  long unaccounted_kib = 4000;
};

inline constexpr Capture captures[] = {
    {"linux-2.6.32"},
    {"linux-3.10"},
    {"linux-3.10-i386"},
    {"linux-4.4"},
    {"linux-4.9"},
    {"linux-4.14"},
    {"linux-4.19"},
    {"linux-4.19-ppc64le", 64, "", 3968},
    {"linux-5.4"},
    {"linux-5.10", 4, "", -1},
    {"linux-5.15"},
    {"linux-5.15-armv7"},
    {"linux-6.1", 4, "", -1},
    {"linux-6.6"},
    {"linux-6.6-arm64-16k", 16},
    {"linux-6.6-arm64-64k", 64, "", 3968},
    {"linux-6.12", 4, "", -1},
    {"linux-6.18", 4, "", -1},
    {"lxcfs-3", 4, "slab_contradicts"},
    {"lxcfs-5", 4, "zones_contradict"},
    {"gvisor", 4, "lists_contradict"},
    {"virtuozzo-7", 4, "lists_contradict"},
    {"android", 4, "", 44000},
};

inline void PrintTo(const Capture& capture, std::ostream* out) {
  *out << capture.name;
}

/// A capture's name as gtest takes it.
inline std::string test_name(const testing::TestParamInfo<Capture>& info) {
  std::string name = info.param.name;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

inline std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

/// A capture in files. Of the kernels that were captured, the process is that of
/// tests/procfs/captures.
inline void write_capture(const Capture& capture, FixtureTree& tree) {
  namespace fs = std::filesystem;
  const fs::path tests = MEMORY_EXPORTER_SOURCE_DIR "/tests";
  tree.write_capture(
      content_of(tests / "collectors/captures" / (std::string(capture.name) + ".txt")));
  const auto process = tests / "procfs/captures" / capture.name;
  if (capture.unaccounted_kib >= 0) return;
  for (const auto& file : fs::directory_iterator(process)) {
    const bool kernel_thread = file.is_directory();
    for (const auto& part :
         kernel_thread ? fs::directory_iterator(file.path()) : fs::directory_iterator(process)) {
      if (part.is_directory()) continue;
      const auto text = content_of(process / (kernel_thread ? "kthreadd/stat" : "stat"));
      const auto pid = text.substr(0, text.find(' '));
      tree.write("proc/" + pid + '/' + part.path().filename().string(), content_of(part.path()));
    }
  }
}

inline CollectorOptions options_for_captures() {
  CollectorOptions options;
  options.cgroup.depth = 3;
  options.vmstat_fields = *Pattern::compile("^(pgpg|nr_dirty)");
  return options;
}

/// Its processes, each read and measured once, with all that any collector asks for.
inline std::shared_ptr<const process::Snapshot> processes_of(const FixtureTree& tree) {
  using process::Extras;
  process::Settings settings;
  settings.pss_mode = process::PssMode::exact;
  settings.pss_wait = std::chrono::minutes(1);
  process::Monitor monitor(tree.trees().procfs, settings);
  auto snapshot = monitor.collect(process::Clock::now() + std::chrono::minutes(1),
                                  Extras::oom_score | Extras::limits | Extras::mappings);
  EXPECT_TRUE(snapshot);
  return *snapshot;
}

}  // namespace memory_exporter
