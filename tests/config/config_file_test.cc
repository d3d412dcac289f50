#include "config/config_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "collectors/registry.h"
#include "tests/support/temp_tree.h"

namespace memory_exporter::config {
namespace {

using process::PssMode;
using std::chrono::milliseconds;
using std::chrono::seconds;

Settings parsed(std::string_view text) {
  const auto file = parse_file(text, "f.yml");
  EXPECT_TRUE(file.ok()) << (file.ok() ? "" : file.error().message());
  return file.ok() ? *settings_from(*file, {}) : Settings{};
}

std::string mistake_in(std::string_view text) {
  const auto file = parse_file(text, "f.yml");
  return file.ok() ? "no mistake found" : file.error().message();
}

std::optional<Pattern> pattern(std::string_view expression) {
  auto compiled = Pattern::compile(expression);
  EXPECT_TRUE(compiled.ok());
  return std::move(*compiled);
}

TEST(ConfigFile, SetsEveryKey) {
  const auto settings = parsed(
      "group_by: [cgroup]\n"
      "max_groups: 200\n"
      "collectors:\n"
      "  process: false\n"
      "  vmstat.fields: ^nr_\n"
      "  cgroup.depth: 4\n"
      "  cgroup.max: 50\n"
      "  cgroup.include: 'slice$'\n"
      "  cgroup.exclude: \"\"\n"
      "pss:\n"
      "  mode: exact\n"
      "  wait: 250ms\n"
      "  max_age: 2m\n"
      "  cpu_budget: 10%\n"
      "  burst: 3s\n"
      "  stall_budget: 0.002\n");
  EXPECT_EQ(settings.process.group_by, std::vector{process::dimension_named("cgroup")});
  EXPECT_EQ(settings.process.max_groups, 200u);
  EXPECT_EQ(settings.switches.on, (std::map<std::string, bool, std::less<>>{{"process", false}}));
  EXPECT_EQ(settings.collectors.vmstat_fields, pattern("^nr_"));
  EXPECT_EQ(settings.collectors.cgroup.depth, 4u);
  EXPECT_EQ(settings.collectors.cgroup.max, 50u);
  EXPECT_EQ(settings.collectors.cgroup.include, pattern("slice$"));
  EXPECT_EQ(settings.collectors.cgroup.exclude, std::nullopt);
  EXPECT_EQ(settings.process.pss_mode, PssMode::exact);
  EXPECT_EQ(settings.process.pss_wait, milliseconds(250));
  EXPECT_EQ(settings.process.pss_max_age, seconds(120));
  EXPECT_EQ(settings.process.pss_cpu_budget, 0.1);
  EXPECT_EQ(settings.process.pss_burst, seconds(3));
  EXPECT_EQ(settings.process.pss_stall_budget, 0.002);
}

TEST(ConfigFile, WithoutContentSaysNothing) {
  EXPECT_EQ(parsed(""), Settings{});
  EXPECT_EQ(parsed("# a comment\n"), Settings{});
  EXPECT_EQ(parsed("---\n"), Settings{});
  EXPECT_EQ(parsed("collectors:\npss:\n"), Settings{});
  EXPECT_EQ(parsed("collectors: {}\n"), Settings{});
}

TEST(ConfigFile, ModeOffIsAWordAndNoBoolean) {
  EXPECT_EQ(parsed("pss: {mode: off}\n").process.pss_mode, PssMode::off);
}

TEST(ConfigFile, AMistakeIsNamedWithFileLineAndKey) {
  const std::pair<std::string_view, std::string_view> mistakes[] = {
      {"groupby: [name]\n", "f.yml:1:1: groupby: unknown key (did you mean group_by?)"},
      {"\n\nxyz: 1\n", "f.yml:3:1: xyz: unknown key: there are "},
      {"pss:\n  max_agee: 1m\n", "f.yml:2:3: pss.max_agee: unknown key (did you mean max_age?)"},
      {"pss:\n  max-age: 1m\n", "f.yml:2:3: pss.max-age: unknown key (did you mean max_age?)"},
      {"max_groups: 0\n", "f.yml:1:13: max_groups: \"0\" is not a number from 1 to 1000000"},
      {"max_groups: 1000001\n",
       "f.yml:1:13: max_groups: \"1000001\" is not a number from 1 to 1000000"},
      {"max_groups: -1\n", "f.yml:1:13: max_groups: \"-1\" is not a number from 1 to 1000000"},
      {"max_groups: 1e3\n", "f.yml:1:13: max_groups: \"1e3\" is not a number from 1 to 1000000"},
      {"max_groups: 99999999999999999999\n",
       "f.yml:1:13: max_groups: \"99999999999999999999\" is not a number from 1 to 1000000"},
      {"max_groups:\n", "f.yml:1:1: max_groups: has no value, must have one: NUMBER"},
      {"max_groups: [5]\n", "f.yml:1:13: max_groups: is a list, must be a single value: NUMBER"},
      {"collectors:\n  proces: true\n",
       "f.yml:2:3: collectors.proces: unknown key (did you mean process?)"},
      {"collectors:\n  process: 1\n",
       "f.yml:2:12: collectors.process: \"1\" is neither true nor false"},
      {"collectors:\n  process: [true]\n",
       "f.yml:2:12: collectors.process: is a list, must be a single value: true or false"},
      {"collectors:\n  cgroup.dept: 3\n",
       "f.yml:2:3: collectors.cgroup.dept: unknown key (did you mean cgroup.depth?)"},
      {"collectors:\n  cgroup: true\n  cgroup.depth: deep\n",
       "f.yml:3:17: collectors.cgroup.depth: \"deep\" is not a number from 0 (the root alone) to "
       "100"},
      {"collectors:\n  cgroup.depth: 101\n",
       "f.yml:2:17: collectors.cgroup.depth: \"101\" is not a number from 0 (the root alone) to "
       "100"},
      {"collectors:\n  cgroup.max: 0\n",
       "f.yml:2:15: collectors.cgroup.max: \"0\" is not a number from 1 to 100000"},
      {"collectors:\n  cgroup.include: (a\n",
       "f.yml:2:19: collectors.cgroup.include: \"(a\" is not a regular expression of RE2: missing "
       "): (a"},
      {"collectors:\n  cgroup.exclude: '*'\n",
       "f.yml:2:19: collectors.cgroup.exclude: \"*\" is not a regular expression of RE2: no "
       "argument for repetition operator: *"},
      {"collectors:\n  vmstat.fields: '[z-a]'\n",
       "f.yml:2:18: collectors.vmstat.fields: \"[z-a]\" is not a regular expression of RE2: "
       "invalid character class range: z-a"},
      {"collectors:\n  vmstat.fields: [nr_]\n",
       "f.yml:2:18: collectors.vmstat.fields: is a list, must be a single value: REGEX"},
      {"collectors:\n  vmstat.fields:\n",
       "f.yml:2:3: collectors.vmstat.fields: has no value, must have one: REGEX"},
      {"collectors: [process]\n",
       "f.yml:1:13: collectors: is a list, must be a block of keys: there are "},
      {"collectors: process\n",
       "f.yml:1:13: collectors: is a single value, must be a block of keys: there are "},
      {"- a\n", "f.yml:1:1: the file is a list, must be a block of keys: there are "},
      {"just words\n",
       "f.yml:1:1: the file is a single value, must be a block of keys: there are "},
      {"pss:\n  wait: 1s\n  wait: 2s\n", "f.yml:3:3: pss.wait: is given twice"},
      {"pss: {}\npss: {}\n", "f.yml:2:1: pss: is given twice"},
      {"pss:\n  wait: soon\n",
       "f.yml:2:9: pss.wait: \"soon\" is not a duration: write it as 500ms, 60s or 1m30s"},
      {"pss:\n  wait:\n", "f.yml:2:3: pss.wait: has no value, must have one: DURATION"},
      {"pss:\n  cpu_budget: 5\n",
       "f.yml:2:15: pss.cpu_budget: \"5\" is out of range: from 0.000001 (0.0001%) to 1 (100%)"},
      {"pss:\n  mode: fast\n",
       "f.yml:2:9: pss.mode: \"fast\" is not a mode: write budgeted, exact or off"},
      {"pss:\n  wait:\n    - 1s\n",
       "f.yml:3:5: pss.wait: is a list, must be a single value: DURATION"},
      {"group_by:\n", "f.yml:1:1: group_by: must be a list of dimensions, as [name, cgroup]"},
      {"group_by: name\n", "f.yml:1:11: group_by: must be a list of dimensions, as [name, cgroup]"},
      {"group_by: []\n", "f.yml:1:11: group_by: must be a list of dimensions, as [name, cgroup]"},
      {"group_by:\n  - name\n  - cgruop\n",
       "f.yml:3:5: group_by: \"cgruop\" is no dimension (did you mean cgroup?): there are name and "
       "cgroup"},
      {"group_by: [name, name]\n", "f.yml:1:18: group_by: \"name\" is given twice"},
      {"group_by: [[name]]\n",
       "f.yml:1:12: group_by: is a list, must be a single value: name or cgroup"},
      {"[a]: 1\n", "f.yml:1:1: a key must be a single word"},
      {"pss: {}\n---\npss: {}\n", "f.yml:3:1: a second document starts here, and only one is read"},
  };
  for (const auto& [text, message] : mistakes) {
    auto found = mistake_in(text);
    // The lists of keys grow; the next test looks at one of them.
    if (message.ends_with("there are ")) found.resize(std::min(found.size(), message.size()));
    EXPECT_EQ(found, message) << text;
  }
}

TEST(ConfigFile, AnUnknownKeyIsToldWhichThereAre) {
  const auto outside = mistake_in("xyz: 1\n");
  const auto inside = mistake_in("collectors:\n  xyz: 1\n");
  for (const auto& row : rows()) {
    const auto& key = row.key;
    const auto block = key.substr(0, key.find('.'));
    EXPECT_NE(outside.find(block), std::string::npos) << outside;
    if (block != "collectors") continue;
    EXPECT_NE(inside.find(key.substr(block.size() + 1)), std::string::npos) << inside;
  }
}

TEST(ConfigFile, AMistakeIsOneShortLineWhateverIsInTheFile) {
  const std::string longest(15'000, 'x');
  for (const std::string& text :
       {longest + ": 1\n", "pss: {" + longest + ": 1}\n", "pss: {wait: " + longest + "}\n",
        "pss: {cpu_budget: " + longest + "}\n", "pss: {mode: " + longest + "}\n",
        "group_by: [" + longest + "]\n", "collectors: {process: " + longest + "}\n",
        "collectors: {cgroup.depth: " + longest + "}\n",
        "collectors: {cgroup.include: '" + longest + "('}\n",
        std::string("a\xe2\x80\xae\xe2\x80\xa9z: 1\n"), std::string("pss: {wait: \"a\\nb\"}\n"),
        std::string("pss: {wait: \"\\e[31m\"}\n"), std::string("\"a\\nb\": 1\n")}) {
    const auto message = mistake_in(text);
    EXPECT_TRUE(message.starts_with("f.yml:1:")) << message;
    EXPECT_LT(message.size(), 700u) << message;
    for (const auto* sign : {"\n", "\x1b", "\xe2\x80\xae", "\xe2\x80\xa9"}) {
      EXPECT_EQ(message.find(sign), std::string::npos) << message;
    }
  }
}

TEST(ConfigFile, EveryDurationAndRatioHasBounds) {
  int tried = 0;
  for (const auto& row : rows()) {
    const auto text = [&](std::string_view value) {
      return "pss: {" + row.key.substr(4) + ": " + std::string(value) + "}\n";
    };
    if (!row.key.starts_with("pss.")) continue;
    if (row.placeholder == "DURATION") {
      ++tried;
      EXPECT_TRUE(parse_file(text("365d"), "f.yml").ok()) << row.key;
      EXPECT_TRUE(mistake_in(text("9223372036s"))
                      .ends_with("\"9223372036s\" is too long: at most "
                                 "365d"))
          << row.key;
    }
    if (row.placeholder == "RATIO") {
      ++tried;
      EXPECT_TRUE(parse_file(text("0.0001%"), "f.yml").ok()) << row.key;
      EXPECT_NE(mistake_in(text("1e-300")).find("is out of range"), std::string::npos);
    }
  }
  EXPECT_GE(tried, 7);
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

TEST(ConfigFile, APipeIsRefusedAndNotWaitedFor) {
  const testing::TempTree tree;
  ASSERT_EQ(::mkfifo(tree.path("pipe").c_str(), 0600), 0);
  const auto pipe = load_file(tree.path("pipe"));
  ASSERT_FALSE(pipe.ok());
  EXPECT_EQ(pipe.error().message(), tree.path("pipe") + ": cannot be read: is a pipe: give a file");
}

TEST(ConfigFile, ThatIsHugeIsNotReadToItsEnd) {
  const auto endless = load_file("/dev/zero");
  ASSERT_FALSE(endless.ok());
  EXPECT_EQ(endless.error().message(), "/dev/zero: is larger than 1 MiB: not a configuration file");
}

TEST(ExampleConfig, ShowsEveryKeyWithItsDefault) {
  const auto example = load_file(MEMORY_EXPORTER_SOURCE_DIR "/config/memory_exporter.example.yml");
  ASSERT_TRUE(example.ok()) << example.error().message();
  const auto settings = *settings_from(*example, {});
  for (const auto& row : rows()) {
    if (row.key.empty()) continue;
    EXPECT_EQ(row.text(settings), row.text(Settings{})) << row.key;
    EXPECT_TRUE(std::any_of(example->begin(), example->end(), [&](const Assignment& given) {
      return given.row == &row;
    })) << row.key;
  }
}

}  // namespace
}  // namespace memory_exporter::config
