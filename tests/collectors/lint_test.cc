// Every family of every collector against promtool's lint, whether this machine has it or not.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include "collectors/registry.h"

namespace memory_exporter {
namespace {

const Trees& no_trees() {
  static const Trees trees{procfs::Tree::absent("/proc"), procfs::Tree::absent("/sys"),
                           procfs::Tree::absent("/")};
  return trees;
}

/// One sample of each family.
std::string exposition() {
  std::string text;
  for (const auto& entry : collector_table()) {
    const auto collector = entry.make(no_trees(), CollectorOptions{});
    for (const auto& [name, type, help] : collector->families()) {
      text += "# HELP " + std::string(name) + ' ' + std::string(help) + '\n';
      text += "# TYPE " + std::string(name) +
              (type == MetricType::counter ? " counter\n" : " gauge\n") + std::string(name) +
              " 1\n";
    }
  }
  return text;
}

std::string run(const std::string& command) {
  auto* const pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return "cannot run " + command;
  std::string output;
  char block[4096];
  while (const auto size = std::fread(block, 1, sizeof block, pipe)) output.append(block, size);
  if (const int status = ::pclose(pipe); status != 0) {
    output += "exit status " + std::to_string(status);
  }
  return output;
}

TEST(Families, PassPromtoolsLint) {
  if (std::system("command -v promtool >/dev/null") != 0) GTEST_SKIP() << "promtool is not there";
  const auto path = testing::TempDir() + "memory_exporter_families.prom";
  std::ofstream(path) << exposition();
  EXPECT_EQ(run("promtool check metrics <" + path + " 2>&1"), "");
  std::remove(path.c_str());
}

TEST(Families, HaveOneOwnerEach) {
  std::set<std::string_view> names;
  for (const auto& entry : collector_table()) {
    const auto collector = entry.make(no_trees(), CollectorOptions{});
    for (const auto& family : collector->families()) {
      EXPECT_TRUE(names.insert(family.name).second) << family.name;
    }
  }
}

TEST(Families, AreSaidInWholeSentences) {
  for (const auto& entry : collector_table()) {
    const auto collector = entry.make(no_trees(), CollectorOptions{});
    for (const auto& [name, type, help] : collector->families()) {
      EXPECT_TRUE(help.ends_with('.')) << name;
      EXPECT_EQ(help.find('\n'), std::string_view::npos) << name;
      EXPECT_TRUE(name.ends_with("_total") == (type == MetricType::counter)) << name;
    }
  }
}

}  // namespace
}  // namespace memory_exporter
