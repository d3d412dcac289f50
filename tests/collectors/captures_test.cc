// Every system collector over the files of real kernels, against what it wrote when a human last
// looked. MEMORY_EXPORTER_UPDATE_GOLDEN=1 rewrites the expectations instead of comparing.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "collectors/registry.h"
#include "tests/collectors/fixture_tree.h"
#include "tests/collectors/text_sink.h"

namespace memory_exporter {
namespace {

const std::string folder = MEMORY_EXPORTER_SOURCE_DIR "/tests/collectors/";

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

CollectorOptions options() {
  CollectorOptions options;
  options.page_size = Bytes{4096};
  options.cgroup.depth = 3;
  options.vmstat_fields = *Pattern::compile("^(pgpg|nr_dirty)");
  return options;
}

/// What all collectors but those of processes write, each under its name.
std::string exposition(const FixtureTree& tree) {
  std::string text;
  for (const auto& entry : collector_table()) {
    if (entry.reads_processes) continue;
    text += "# " + std::string(entry.name) + '\n';
    text += collected(tree.trees(), *entry.make(tree.trees(), options()));
  }
  return text;
}

class Captures : public testing::TestWithParam<const char*> {};

TEST_P(Captures, GiveTheMetricsTheyGaveBefore) {
  FixtureTree tree;
  tree.write_capture(content_of(folder + "captures/" + GetParam() + ".txt"));
  const auto text = exposition(tree);
  EXPECT_EQ(text.find("error:"), std::string::npos) << text;
  const auto golden = folder + "golden/" + GetParam() + ".txt";
  if (std::getenv("MEMORY_EXPORTER_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(golden, std::ios::binary) << text;
    GTEST_SKIP() << "wrote " << golden;
  }
  EXPECT_EQ(text, content_of(golden));
}

INSTANTIATE_TEST_SUITE_P(Kernels, Captures,
                         testing::Values("linux-2.6.32", "linux-3.10", "linux-4.4", "linux-4.9",
                                         "linux-4.14", "linux-4.19", "linux-5.4", "linux-5.10",
                                         "linux-6.1", "linux-6.12", "linux-6.18"),
                         [](const auto& kernel) {
                           std::string name = kernel.param;
                           for (auto& c : name) {
                             if (c == '-' || c == '.') c = '_';
                           }
                           return name;
                         });

TEST(AnEmptyMachine, GivesNoSamplesAndNoErrors) {
  const FixtureTree tree;
  for (const auto& entry : collector_table()) {
    if (entry.reads_processes) continue;
    EXPECT_EQ(collected(tree.trees(), *entry.make(tree.trees(), options())), "") << entry.name;
  }
}

TEST(AMachineWithoutSysfs, GivesNoSamplesAndNoErrors) {
  const Trees trees{procfs::Tree::absent("/proc"), procfs::Tree::absent("/sys"),
                    procfs::Tree::absent("/")};
  for (const auto& entry : collector_table()) {
    if (entry.reads_processes) continue;
    EXPECT_EQ(collected(trees, *entry.make(trees, options())), "") << entry.name;
  }
}

}  // namespace
}  // namespace memory_exporter
