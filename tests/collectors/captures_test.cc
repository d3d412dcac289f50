// Every collector over the files of real kernels and of others, against what it wrote when a human
// last looked. MEMORY_EXPORTER_UPDATE_GOLDEN=1 rewrites the expectations instead of comparing.
// capture_rules_test has what must be true of each, whatever a human saw.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <string>

#include "tests/collectors/capture.h"
#include "tests/collectors/text_sink.h"

namespace memory_exporter {
namespace {

/// What all collectors write, each under its name, and what each could not read.
std::string exposition(const FixtureTree& tree) {
  const auto processes = processes_of(tree);
  std::string text;
  for (const auto& entry : collector_table()) {
    text += "# " + std::string(entry.name) + '\n';
    text += collected(tree.trees(), *entry.make(tree.trees(), options_for_captures()), *processes);
  }
  const auto root = tree.path("");
  for (auto at = text.find(root); at != std::string::npos; at = text.find(root)) {
    text.erase(at, root.size());
  }
  return std::regex_replace(text, std::regex("(_age_seconds\\{.*\\}) .*"), "$1 N");
}

class Captures : public testing::TestWithParam<Capture> {};

TEST_P(Captures, GiveTheMetricsTheyGaveBefore) {
  FixtureTree tree;
  write_capture(GetParam(), tree);
  const auto text = [&] {
    const Unprivileged unprivileged;
    return exposition(tree);
  }();
  const std::string golden = MEMORY_EXPORTER_SOURCE_DIR "/tests/collectors/golden/";
  const auto path = golden + GetParam().name + ".txt";
  if (std::getenv("MEMORY_EXPORTER_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
    GTEST_SKIP() << "wrote " << path;
  }
  EXPECT_EQ(text, content_of(path));
}

INSTANTIATE_TEST_SUITE_P(Machines, Captures, testing::ValuesIn(captures), test_name);

TEST(AnEmptyMachine, GivesNoSamplesAndNoErrors) {
  const FixtureTree tree;
  for (const auto& entry : collector_table()) {
    if (entry.reads_processes) continue;
    EXPECT_EQ(collected(tree.trees(), *entry.make(tree.trees(), CollectorOptions())), "")
        << entry.name;
  }
}

TEST(AMachineWithoutSysfs, GivesNoSamplesAndNoErrors) {
  const Trees trees{procfs::Tree::absent("/proc"), procfs::Tree::absent("/sys"),
                    procfs::Tree::absent("/")};
  for (const auto& entry : collector_table()) {
    if (entry.reads_processes) continue;
    EXPECT_EQ(collected(trees, *entry.make(trees, CollectorOptions())), "") << entry.name;
  }
}

}  // namespace
}  // namespace memory_exporter
