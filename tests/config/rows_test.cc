#include "config/rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "config/config_file.h"
#include "tests/config/row_samples.h"
#include "tests/support/temp_tree.h"

namespace memory_exporter::config {
namespace {

using process::PssMode;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string mistake_in(std::string_view name, const std::string& text) {
  const auto settings = settings_with(name, text);
  return settings ? "no mistake found" : settings.error().what;
}

/// What is in force of a row after these assignments.
std::string in_force(const Row& row, const Assignments& file, const Assignments& flags) {
  const auto settings = settings_from(file, flags);
  EXPECT_TRUE(settings.ok()) << row.flag << row.key;
  return settings ? row.text(*settings) : "";
}

TEST(Rows, EachHasWhatTheTestsOverAllRowsNeed) {
  for (const auto& row : rows()) {
    EXPECT_FALSE(row.flag.empty() && row.key.empty());
    EXPECT_FALSE(samples(row).empty()) << row.flag << row.key;
    EXPECT_TRUE(row.flag.empty() || (!row.group.empty() && !row.help.empty())) << row.flag;
  }
}

TEST(Rows, FlagsAndKeysAreThereOnceAndDifferInNothingButTheirDashes) {
  std::set<std::string> names;
  for (const auto& row : rows()) {
    EXPECT_TRUE(row.flag.empty() || names.insert(row.flag).second) << row.flag;
    EXPECT_TRUE(row.key.empty() || names.insert(row.key).second) << row.key;
    if (row.flag.empty() || row.key.empty()) continue;
    auto key = "--" + row.key.substr(row.key.starts_with("collectors.") ? 11 : 0);
    if (row.key.starts_with("collectors.")) key.insert(2, "collector.");
    std::replace(key.begin() + 2, key.end(), '_', '-');
    auto flag = row.flag;
    std::replace(flag.begin() + 2, flag.end(), '_', '-');
    EXPECT_EQ(flag, key);
  }
}

TEST(Rows, TheFilesValueIsAboveTheDefaultAndTheFlagsAboveBoth) {
  for (const auto& row : rows()) {
    const auto values = samples(row);
    const auto& first = values.front();
    const auto& last = values.back();
    const auto text_of = [&](const std::string& value) {
      return in_force(row, {}, {{&row, given(row, value)}});
    };
    const auto usual = row.text(Settings{});
    EXPECT_EQ(in_force(row, {}, {}), usual);
    EXPECT_NE(text_of(last), usual) << row.flag << row.key;
    if (row.key.empty()) continue;
    EXPECT_EQ(in_force(row, {{&row, written(row, first)}}, {}), text_of(first)) << row.key;
    if (row.flag.empty()) continue;
    EXPECT_EQ(in_force(row, {{&row, written(row, first)}}, {{&row, given(row, last)}}),
              text_of(last))
        << row.key;
    if (row.takes_list || usual.empty()) continue;
    EXPECT_EQ(in_force(row, {{&row, written(row, first)}}, {{&row, given(row, usual)}}), usual)
        << "a flag may say what the default says: " << row.flag;
  }
}

TEST(Rows, NoCollectorIsOnAgainstItsFlag) {
  for (const auto& entry : collector_table()) {
    const auto name = "collector." + std::string(entry.name);
    const auto& on = row_named("--" + name);
    const auto& off = row_named("--no-" + name);
    EXPECT_EQ(in_force(on, {{&on, written(on, "true")}}, {{&off, scalar("true")}}), "false");
    EXPECT_EQ(in_force(on, {{&on, written(on, "false")}}, {{&on, scalar("true")}}), "true");
  }
}

TEST(Rows, WithoutTheDefaultsOnlyWhatIsSaidIsOn) {
  const auto& none = row_named("--collector.disable-defaults");
  const auto& swap = row_named("collectors.swap");
  const auto& ksm = row_named("collectors.ksm");
  const Assignments file = {{&swap, written(swap, "true")}};
  EXPECT_EQ(in_force(swap, file, {{&none, scalar("true")}}), "true");
  EXPECT_EQ(in_force(ksm, file, {{&none, scalar("true")}}), "false");
}

TEST(Rows, TheTextOfAValueReadsBackAsTheValue) {
  for (const auto& row : rows()) {
    auto values = samples(row);
    values.push_back(row.text(Settings{}));
    for (const auto& value : values) {
      if (row.takes_list) continue;  // the text of a list is for people
      Settings once;
      ASSERT_TRUE(assign({&row, scalar(value)}, once).ok() || value.empty()) << row.flag << row.key;
      if (value.empty()) continue;
      Settings twice;
      ASSERT_TRUE(assign({&row, scalar(row.text(once))}, twice).ok()) << row.flag << row.key;
      EXPECT_EQ(once, twice) << row.flag << row.key;
    }
  }
}

TEST(Rows, WhatIsRefusedChangesNothing) {
  const std::pair<std::string_view, std::string> refused[] = {
      {"pss.mode", "fast"},
      {"pss.mode", ""},
      {"pss.wait", "5"},
      {"pss.wait", "-1s"},
      {"pss.max_age", "0s"},
      {"pss.max_age", "0"},
      {"pss.burst", "0ms"},
      {"pss.cpu_budget", "0"},
      {"pss.cpu_budget", "101%"},
      {"pss.cpu_budget", "a lot"},
      {"pss.stall_budget", "-1"},
      {"pss.stall_budget", "1.5"},
      {"pss.stall_budget", "0.0%"},
      {"collectors.vmstat.fields", "("},
      {"collectors.cgroup.include", "*"},
      {"collectors.cgroup.exclude", "[z-a]"},
      {"collectors.cgroup.depth", "-1"},
      {"collectors.cgroup.depth", "101"},
      {"collectors.cgroup.depth", ""},
      {"collectors.cgroup.depth", "2 x"},
      {"max_groups", "0"},
      {"group_by", "nobody"},
      {"--web.listen-address", "10042"},
      {"--web.allowed-hosts", "a b"},
      {"--web.max-reply-bytes", "1"},
      {"--scrape.share", "2m"},
  };
  for (const auto& [name, value] : refused) {
    Settings settings;
    const auto& row = row_named(name);
    const auto done = assign({&row, given(row, value)}, settings);
    ASSERT_FALSE(done.ok()) << name << '=' << value;
    EXPECT_FALSE(done.error().what.empty());
    EXPECT_EQ(settings, Settings{}) << name << '=' << value;
  }
}

TEST(Rows, AMistakeOfAFlagNamesItAndOneOfAFileItsKeyAndPlace) {
  const auto& row = row_named("pss.tier");
  Settings settings;
  auto value = scalar("off");
  EXPECT_EQ(assign({&row, value}, settings).error().message(),
            "--pss.tier: \"off\" is not a tier: write pagemap or rollup");
  value.place = {3, 9};
  EXPECT_EQ(assign({&row, value}, settings).error().message(),
            ":3:9: pss.tier: \"off\" is not a tier: write pagemap or rollup");
}

TEST(Rows, WithoutATextAPatternIsNone) {
  for (const auto* key :
       {"collectors.vmstat.fields", "collectors.cgroup.include", "collectors.cgroup.exclude"}) {
    const auto& row = row_named(key);
    EXPECT_EQ(in_force(row, {{&row, written(row, "a")}}, {{&row, scalar("")}}), "") << key;
  }
}

TEST(Rows, AListHasEveryItem) {
  Settings settings;
  const auto& row = row_named("group_by");
  auto list = given(row, "cgroup");
  list.items.push_back(scalar("name"));
  ASSERT_TRUE(assign({&row, list}, settings).ok());
  EXPECT_EQ(settings.process.group_by, (process::GroupBy{process::dimension_named("cgroup"),
                                                         process::dimension_named("name")}));
  EXPECT_EQ(row.text(settings), "[cgroup, name]");
  EXPECT_EQ(mistake_in("group_by", "cgruop")
                .find("group_by: \"cgruop\" is no dimension (did you mean cgroup?)"),
            0u);
}

TEST(LoadSettings, ReadsTheFileThatTheFlagsName) {
  const testing::TempTree tree;
  const auto& file = row_named("--config.file");
  const auto& wait = row_named("pss.wait");
  const auto& burst = row_named("pss.burst");
  const Assignments flags = {{&file, scalar(tree.path("f.yml"))}, {&wait, scalar("1s")}};
  EXPECT_EQ(load_settings({{&wait, scalar("1s")}})->process.pss_wait, seconds(1));
  EXPECT_FALSE(load_settings(flags).ok());
  tree.write("f.yml", "pss: {wait: 2s, burst: 250ms}\n");
  const auto settings = load_settings(flags);
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->process.pss_wait, seconds(1));
  EXPECT_EQ(settings->process.pss_burst, milliseconds(250));
  EXPECT_EQ(burst.text(*settings), "250ms");
  EXPECT_EQ(settings->process.pss_mode, PssMode::budgeted);
  tree.write("f.yml", "pss: {wait: soon}\n");
  EXPECT_EQ(load_settings(flags).error().message().substr(0, tree.path("f.yml:1:13").size()),
            tree.path("f.yml:1:13"));
}

}  // namespace
}  // namespace memory_exporter::config
