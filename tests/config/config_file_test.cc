#include "config/config_file.h"

#include <gtest/gtest.h>

#include "collectors/registry.h"
#include "tests/support/temp_tree.h"

namespace memory_exporter::config {
namespace {

using process::Dimension;
using process::PssMode;
using std::chrono::milliseconds;
using std::chrono::seconds;

Settings parsed(std::string_view text) {
  const auto settings = parse_file(text, "f.yml");
  EXPECT_TRUE(settings.ok()) << (settings.ok() ? "" : settings.error().message());
  return settings.ok() ? *settings : Settings{};
}

std::string mistake_in(std::string_view text) {
  const auto settings = parse_file(text, "f.yml");
  return settings.ok() ? "no mistake found" : settings.error().message();
}

const std::optional<OptionalPattern> no_pattern(std::in_place);

std::optional<OptionalPattern> pattern(std::string_view expression) {
  auto compiled = Pattern::compile(expression);
  EXPECT_TRUE(compiled.ok());
  return OptionalPattern(std::move(*compiled));
}

TEST(ConfigFile, SetsEveryKey) {
  const auto settings = parsed(
      "group_by: [cgroup]\n"
      "collectors:\n"
      "  process: false\n"
      "  vmstat.fields: ^nr_\n"
      "  cgroup.depth: 4\n"
      "  cgroup.include: 'slice$'\n"
      "  cgroup.exclude: \"\"\n"
      "pss:\n"
      "  mode: exact\n"
      "  wait: 250ms\n"
      "  max_age: 2m\n"
      "  cpu_budget: 10%\n"
      "  burst: 3s\n"
      "  stall_budget: 0.002\n");
  EXPECT_EQ(settings.group_by, std::vector{Dimension::cgroup});
  EXPECT_EQ(settings.collectors.on, (std::map<std::string, bool, std::less<>>{{"process", false}}));
  EXPECT_EQ(settings.collectors.vmstat_fields, pattern("^nr_"));
  EXPECT_EQ(settings.collectors.cgroup_depth, 4u);
  EXPECT_EQ(settings.collectors.cgroup_include, pattern("slice$"));
  EXPECT_EQ(settings.collectors.cgroup_exclude, no_pattern);
  EXPECT_EQ(settings.pss_mode, PssMode::exact);
  EXPECT_EQ(settings.pss_wait, milliseconds(250));
  EXPECT_EQ(settings.pss_max_age, seconds(120));
  EXPECT_EQ(settings.pss_cpu_budget, 0.1);
  EXPECT_EQ(settings.pss_burst, seconds(3));
  EXPECT_EQ(settings.pss_stall_budget, 0.002);
}

TEST(ConfigFile, WithoutContentSaysNothing) {
  EXPECT_EQ(parsed(""), Settings{});
  EXPECT_EQ(parsed("# a comment\n"), Settings{});
  EXPECT_EQ(parsed("---\n"), Settings{});
  EXPECT_EQ(parsed("collectors:\npss:\n"), Settings{});
  EXPECT_EQ(parsed("collectors: {}\n"), Settings{});
}

TEST(ConfigFile, ModeOffIsAWordAndNoBoolean) {
  EXPECT_EQ(parsed("pss: {mode: off}\n").pss_mode, PssMode::off);
}

TEST(ConfigFile, AMistakeIsNamedWithFileLineAndKey) {
  const std::pair<std::string_view, std::string_view> mistakes[] = {
      {"groupby: [name]\n", "f.yml:1: groupby: unknown key (did you mean group_by?)"},
      {"\n\nxyz: 1\n", "f.yml:3: xyz: unknown key"},
      {"pss:\n  max_agee: 1m\n", "f.yml:2: pss.max_agee: unknown key (did you mean max_age?)"},
      {"pss:\n  max-age: 1m\n", "f.yml:2: pss.max-age: unknown key (did you mean max_age?)"},
      {"collectors:\n  proces: true\n",
       "f.yml:2: collectors.proces: unknown key (did you mean process?)"},
      {"collectors:\n  process: 1\n",
       "f.yml:2: collectors.process: \"1\" is neither true nor false"},
      {"collectors:\n  process: [true]\n",
       "f.yml:2: collectors.process: is a list, must be a single value"},
      {"collectors:\n  cgroup.dept: 3\n",
       "f.yml:2: collectors.cgroup.dept: unknown key (did you mean cgroup.depth?)"},
      {"collectors:\n  cgroup: true\n  cgroup.depth: deep\n",
       "f.yml:3: collectors.cgroup.depth: \"deep\" is not a number from 0 (the root alone) to 100"},
      {"collectors:\n  cgroup.depth: 101\n",
       "f.yml:2: collectors.cgroup.depth: \"101\" is not a number from 0 (the root alone) to 100"},
      {"collectors:\n  cgroup.include: (a\n",
       "f.yml:2: collectors.cgroup.include: \"(a\" is not a regular expression of RE2: missing ): "
       "(a"},
      {"collectors:\n  cgroup.exclude: '*'\n",
       "f.yml:2: collectors.cgroup.exclude: \"*\" is not a regular expression of RE2: no argument "
       "for "
       "repetition operator: *"},
      {"collectors:\n  vmstat.fields: '[z-a]'\n",
       "f.yml:2: collectors.vmstat.fields: \"[z-a]\" is not a regular expression of RE2: invalid "
       "character class range: z-a"},
      {"collectors:\n  vmstat.fields: [nr_]\n",
       "f.yml:2: collectors.vmstat.fields: is a list, must be a single value"},
      {"collectors:\n  vmstat.fields:\n", "f.yml:2: collectors.vmstat.fields: has no value"},
      {"collectors: [process]\n", "f.yml:1: collectors: is a list, must be a block of keys"},
      {"collectors: process\n", "f.yml:1: collectors: is a single value, must be a block of keys"},
      {"- a\n", "f.yml:1: the file is a list, must be a block of keys"},
      {"just words\n", "f.yml:1: the file is a single value, must be a block of keys"},
      {"pss:\n  wait: 1s\n  wait: 2s\n", "f.yml:3: pss.wait: is given twice"},
      {"pss: {}\npss: {}\n", "f.yml:2: pss: is given twice"},
      {"pss:\n  wait: soon\n",
       "f.yml:2: pss.wait: \"soon\" is not a duration: write it as 500ms, 60s or 1m30s"},
      {"pss:\n  wait:\n", "f.yml:2: pss.wait: has no value"},
      {"pss:\n  cpu_budget: 5\n", "f.yml:2: pss.cpu_budget: must be above 0 and at most 1 (100%)"},
      {"pss:\n  mode: fast\n",
       "f.yml:2: pss.mode: \"fast\" is not a mode: write budgeted, exact or off"},
      {"pss:\n  wait:\n    - 1s\n", "f.yml:3: pss.wait: is a list, must be a single value"},
      {"group_by:\n", "f.yml:1: group_by: must be a list of dimensions, as [name, cgroup]"},
      {"group_by: name\n", "f.yml:1: group_by: must be a list of dimensions, as [name, cgroup]"},
      {"group_by: []\n", "f.yml:1: group_by: must be a list of dimensions, as [name, cgroup]"},
      {"group_by:\n  - name\n  - cgruop\n",
       "f.yml:3: group_by: \"cgruop\" is no dimension (did you mean cgroup?): there are name and "
       "cgroup"},
      {"group_by: [name, name]\n", "f.yml:1: group_by: \"name\" is given twice"},
      {"group_by: [[name]]\n", "f.yml:1: group_by: is a list, must be a single value"},
      {"[a]: 1\n", "f.yml:1: a key must be a single word"},
      {"pss: {}\n---\npss: {}\n", "f.yml:3: a second document starts here, and only one is read"},
  };
  for (const auto& [text, message] : mistakes) EXPECT_EQ(mistake_in(text), message) << text;
}

TEST(ConfigFile, WhatIsNoYamlIsNamedWithItsLine) {
  const auto message = mistake_in("pss:\n  wait: [1s\n");
  EXPECT_TRUE(message.starts_with("f.yml:")) << message;
  EXPECT_NE(message.find("not valid YAML"), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

TEST(ConfigFile, HostileTextEndsInAMistakeAndNothingWorse) {
  const std::string deep(100'000, '[');
  for (const std::string& text :
       {std::string("\0", 1), std::string("pss: {}\n\x04ignored"),
        std::string("\xff\xfe\xfdpss: 1"), std::string("a: &a *a\n"), deep,
        std::string("pss: !!binary x\n"), std::string("? x\n"), std::string("\t- x"),
        std::string("pss: *nowhere\n"), std::string("%YAML 9.9\n---\npss: 1\n")}) {
    EXPECT_NE(mistake_in(text), "no mistake found") << ::testing::PrintToString(text.substr(0, 40));
  }
}

TEST(ConfigFile, ThatCannotBeReadSaysWhichAndWhy) {
  const testing::TempTree tree;
  const auto missing = load_file(tree.path("missing.yml"));
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().message(),
            tree.path("missing.yml") + ": cannot be read: No such file or directory");
  const auto folder = load_file(tree.path());
  ASSERT_FALSE(folder.ok());
  EXPECT_EQ(folder.error().message(), tree.path() + ": cannot be read: Is a directory");
}

TEST(ConfigFile, ThatIsHugeIsNotReadToItsEnd) {
  const auto endless = load_file("/dev/zero");
  ASSERT_FALSE(endless.ok());
  EXPECT_EQ(endless.error().message(), "/dev/zero: is larger than 1 MiB: not a configuration file");
}

TEST(ExampleConfig, IsGoodAndSaysWhatTheDefaultsSay) {
  const auto example = load_file(MEMORY_EXPORTER_SOURCE_DIR "/config/memory_exporter.example.yml");
  ASSERT_TRUE(example.ok()) << example.error().message();
  const auto options = process_options(*example);
  const process::Options defaults;
  EXPECT_EQ(example->group_by, defaults.group_by);
  for (const auto& setting : pss_settings()) {
    EXPECT_EQ(setting.text(options), setting.text(defaults)) << setting.key;
  }
  const auto collectors = collector_options(example->collectors);
  for (const auto& setting : collector_settings()) {
    EXPECT_EQ(setting.text(collectors), setting.text(CollectorOptions{})) << setting.name;
  }
  for (const auto& [name, on] : example->collectors.on) {
    for (const auto& entry : collector_table()) {
      if (entry.name == name) {
        EXPECT_EQ(on, entry.on_by_default) << name;
      }
    }
  }
}

TEST(ExampleConfig, ShowsEveryKey) {
  const auto example = load_file(MEMORY_EXPORTER_SOURCE_DIR "/config/memory_exporter.example.yml");
  ASSERT_TRUE(example.ok());
  EXPECT_TRUE(example->group_by && example->pss_mode && example->pss_wait && example->pss_max_age &&
              example->pss_burst && example->pss_cpu_budget && example->pss_stall_budget &&
              example->pss_stall_limit);
  for (const auto& entry : collector_table()) {
    EXPECT_TRUE(example->collectors.on.contains(entry.name)) << entry.name;
  }
  const auto& collectors = example->collectors;
  EXPECT_TRUE(collectors.vmstat_fields && collectors.cgroup_depth && collectors.cgroup_include &&
              collectors.cgroup_exclude);
}

}  // namespace
}  // namespace memory_exporter::config
