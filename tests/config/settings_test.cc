#include "config/settings.h"

#include <gtest/gtest.h>

#include <set>

namespace memory_exporter::config {
namespace {

using process::PssMode;
using std::chrono::milliseconds;
using std::chrono::seconds;

const PssSetting& setting(std::string_view key) {
  for (const auto& entry : pss_settings()) {
    if (entry.key == key) return entry;
  }
  throw std::out_of_range(std::string(key));
}

const CollectorSetting& collector_setting(std::string_view name) {
  for (const auto& entry : collector_settings()) {
    if (entry.name == name) return entry;
  }
  throw std::out_of_range(std::string(name));
}

const std::optional<OptionalPattern> no_pattern(std::in_place);

std::optional<OptionalPattern> pattern(std::string_view expression) {
  auto compiled = Pattern::compile(expression);
  EXPECT_TRUE(compiled.ok());
  return OptionalPattern(std::move(*compiled));
}

TEST(Settings, ThatSayNothingLeaveTheDefaults) {
  const auto options = process_options(Settings{});
  const process::Options defaults;
  EXPECT_EQ(options.group_by, defaults.group_by);
  EXPECT_EQ(options.max_groups, 1000u);
  for (const auto& entry : pss_settings()) {
    EXPECT_EQ(entry.text(options), entry.text(defaults)) << entry.key;
  }
}

TEST(Settings, EveryPssSettingReachesTheMonitor) {
  Settings settings;
  ASSERT_TRUE(setting("mode").set(settings, "exact").ok());
  ASSERT_TRUE(setting("wait").set(settings, "250ms").ok());
  ASSERT_TRUE(setting("max_age").set(settings, "2m").ok());
  ASSERT_TRUE(setting("cpu_budget").set(settings, "10%").ok());
  ASSERT_TRUE(setting("burst").set(settings, "3s").ok());
  ASSERT_TRUE(setting("stall_budget").set(settings, "0.002").ok());
  ASSERT_TRUE(setting("stall_limit").set(settings, "5ms").ok());
  ASSERT_TRUE(setting("tier").set(settings, "rollup").ok());
  const auto options = process_options(settings);
  EXPECT_EQ(options.pss_stall_limit, milliseconds(5));
  EXPECT_EQ(options.pss_mode, PssMode::exact);
  EXPECT_EQ(options.pss_wait, milliseconds(250));
  EXPECT_EQ(options.pss_max_age, seconds(120));
  EXPECT_EQ(options.pss_cpu_budget, 0.1);
  EXPECT_EQ(options.pss_burst, seconds(3));
  EXPECT_EQ(options.pss_stall_budget, 0.002);
  EXPECT_EQ(options.pss_tier, process::PssTier::rollup);
}

TEST(PssSettings, ATierIsOneThatTheMetricKnows) {
  Settings settings;
  ASSERT_TRUE(setting("tier").set(settings, "pagemap").ok());
  EXPECT_EQ(settings.pss_tier, process::PssTier::pagemap);
  const auto refused = setting("tier").set(settings, "off");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().what, "\"off\" is not a tier: write pagemap or rollup");
}

TEST(CollectorSettings, ReachTheCollectors) {
  CollectorSettings settings;
  ASSERT_TRUE(collector_setting("vmstat.fields").set(settings, "^nr_").ok());
  ASSERT_TRUE(collector_setting("cgroup.depth").set(settings, "0").ok());
  ASSERT_TRUE(collector_setting("cgroup.max").set(settings, "7").ok());
  ASSERT_TRUE(collector_setting("cgroup.include").set(settings, "slice").ok());
  ASSERT_TRUE(collector_setting("cgroup.exclude").set(settings, "^/user").ok());
  const auto options = collector_options(settings);
  EXPECT_EQ(options.vmstat_fields->expression(), "^nr_");
  EXPECT_EQ(options.cgroup.depth, 0u);
  EXPECT_EQ(options.cgroup.max, 7u);
  EXPECT_EQ(options.cgroup.include->expression(), "slice");
  EXPECT_EQ(options.cgroup.exclude->expression(), "^/user");
}

TEST(CollectorSettings, ThatSayNothingLeaveTheDefaults) {
  const auto options = collector_options({});
  const CollectorOptions defaults;
  for (const auto& entry : collector_settings()) {
    EXPECT_EQ(entry.text(options), entry.text(defaults)) << entry.name;
  }
}

TEST(CollectorSettings, WithoutATextAPatternIsNone) {
  for (const auto* name : {"vmstat.fields", "cgroup.include", "cgroup.exclude"}) {
    CollectorSettings settings;
    ASSERT_TRUE(collector_setting(name).set(settings, "").ok()) << name;
    EXPECT_NE(settings, CollectorSettings{}) << name;
    EXPECT_EQ(collector_setting(name).text(collector_options(settings)), "") << name;
  }
}

TEST(CollectorSettings, OutsideTheirRangeAreRefusedAndChangeNothing) {
  const std::pair<std::string_view, std::string_view> refused[] = {
      {"vmstat.fields", "("},  {"cgroup.include", "*"}, {"cgroup.exclude", "[z-a]"},
      {"cgroup.depth", "-1"},  {"cgroup.depth", "101"}, {"cgroup.depth", ""},
      {"cgroup.depth", "2 x"},
  };
  for (const auto& [name, value] : refused) {
    CollectorSettings settings;
    const auto set = collector_setting(name).set(settings, value);
    ASSERT_FALSE(set.ok()) << name << '=' << value;
    EXPECT_FALSE(set.error().what.empty());
    EXPECT_EQ(settings, CollectorSettings{}) << name << '=' << value;
  }
}

TEST(Settings, TheTextOfAValueReadsBackAsTheValue) {
  for (const auto& entry : pss_settings()) {
    Settings settings;
    const auto text = entry.text(process::Options{});
    ASSERT_TRUE(entry.set(settings, text).ok()) << entry.key << ": " << text;
    EXPECT_EQ(entry.text(process_options(settings)), text) << entry.key;
    EXPECT_NE(settings, Settings{}) << entry.key;
  }
}

TEST(Settings, ValuesOutsideTheirRangeAreRefusedAndChangeNothing) {
  const std::pair<std::string_view, std::string_view> refused[] = {
      {"mode", "fast"},         {"mode", ""},           {"wait", "5"},
      {"wait", "-1s"},          {"max_age", "0s"},      {"max_age", "0"},
      {"burst", "0ms"},         {"cpu_budget", "0"},    {"cpu_budget", "101%"},
      {"cpu_budget", "a lot"},  {"stall_budget", "-1"}, {"stall_budget", "1.5"},
      {"stall_budget", "0.0%"},
  };
  for (const auto& [key, value] : refused) {
    Settings settings;
    const auto set = setting(key).set(settings, value);
    ASSERT_FALSE(set.ok()) << key << '=' << value;
    EXPECT_FALSE(set.error().what.empty());
    EXPECT_EQ(settings, Settings{}) << key << '=' << value;
  }
}

TEST(Settings, WaitMayBeNothing) {
  Settings settings;
  ASSERT_TRUE(setting("wait").set(settings, "0s").ok());
  EXPECT_EQ(process_options(settings).pss_wait, seconds(0));
}

TEST(Settings, OfTwoSourcesTheUpperOneWinsFieldByField) {
  Settings file;
  file.group_by = {{process::dimension_named("cgroup")}};
  file.collectors.on = {{"process", false}, {"swap", true}};
  file.collectors.cgroup_depth = 3;
  file.collectors.cgroup_exclude = pattern("/user");
  file.collectors.cgroup_include = pattern("slice");
  file.pss_wait = seconds(1);
  file.pss_burst = seconds(2);
  Settings flags;
  flags.collectors.on = {{"process", true}};
  flags.collectors.cgroup_exclude = no_pattern;
  flags.pss_wait = seconds(3);

  const auto merged = overlay(flags, file);
  EXPECT_EQ(merged.group_by, file.group_by);
  EXPECT_EQ(merged.collectors.cgroup_depth, 3u);
  EXPECT_EQ(merged.collectors.cgroup_exclude, no_pattern);
  EXPECT_EQ(merged.collectors.cgroup_include, pattern("slice"));
  EXPECT_EQ(merged.collectors.on,
            (std::map<std::string, bool, std::less<>>{{"process", true}, {"swap", true}}));
  EXPECT_EQ(merged.pss_wait, seconds(3));
  EXPECT_EQ(merged.pss_burst, seconds(2));
  EXPECT_EQ(merged.pss_mode, std::nullopt);
}

TEST(Settings, EveryFieldOfTheUpperSourceIsKept) {
  Settings all;
  all.group_by = {{process::dimension_named("name")}};
  all.max_groups = 7;
  all.collectors = {{{"process", false}}, pattern("a"), 1, 2, pattern("b"), pattern("c")};
  all.pss_mode = PssMode::off;
  all.pss_wait = seconds(1);
  all.pss_max_age = seconds(2);
  all.pss_burst = seconds(3);
  all.pss_cpu_budget = 0.4;
  all.pss_stall_budget = 0.5;
  all.pss_stall_limit = seconds(6);
  all.pss_tier = process::PssTier::rollup;
  EXPECT_EQ(overlay(all, Settings{}), all);
  EXPECT_EQ(overlay(Settings{}, all), all);
}

TEST(PssSettings, FlagsAndKeysDifferInNothingButTheirDashes) {
  std::set<std::string_view> flags;
  for (const auto& entry : pss_settings()) {
    std::string key(entry.flag);
    for (auto& c : key) c = c == '-' ? '_' : c;
    EXPECT_EQ(key, entry.key);
    EXPECT_TRUE(flags.insert(entry.flag).second) << entry.flag;
  }
}

}  // namespace
}  // namespace memory_exporter::config
