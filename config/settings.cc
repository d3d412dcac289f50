#include "config/settings.h"

#include <array>
#include <charconv>

#include "collectors/base/printable.h"
#include "collectors/base/text.h"
#include "config/duration.h"

namespace memory_exporter::config {
namespace {

using process::PssMode;
using process::PssTier;

struct NamedMode {
  std::string_view name;
  PssMode mode;
};
constexpr std::array<NamedMode, 3> modes = {
    {{"budgeted", PssMode::budgeted}, {"exact", PssMode::exact}, {"off", PssMode::off}}};

Error not_accepted(std::string_view text, std::string_view expected) {
  return malformed(in_quotes(text) + " is not " + printable(expected, 300));
}

Status set_mode(Settings& settings, std::string_view text) {
  for (const auto& [name, mode] : modes) {
    if (name != text) continue;
    settings.pss_mode = mode;
    return Done{};
  }
  return not_accepted(text, "a mode: write budgeted, exact or off");
}

std::string mode_text(const process::Options& options) {
  for (const auto& [name, mode] : modes) {
    if (mode == options.pss_mode) return std::string(name);
  }
  return {};
}

Status set_tier(Settings& settings, std::string_view text) {
  for (const auto tier : {PssTier::pagemap, PssTier::rollup}) {
    if (to_string(tier) != text) continue;
    settings.pss_tier = tier;
    return Done{};
  }
  return not_accepted(text, "a tier: write pagemap or rollup");
}

std::string tier_text(const process::Options& options) {
  return std::string(to_string(options.pss_tier));
}

template <auto field, auto read>
Status set_from(Settings& settings, std::string_view text) {
  const auto value = read(text);
  if (!value) return value.error();
  settings.*field = *value;
  return Done{};
}

template <auto field>
constexpr auto set_duration = set_from<field, duration_setting>;
template <auto field>
constexpr auto set_positive_duration = set_from<field, positive_duration_setting>;
template <auto field>
constexpr auto set_ratio = set_from<field, ratio_setting>;

template <auto field>
std::string duration_of(const process::Options& options) {
  return duration_text(options.*field);
}

template <auto field>
std::string ratio_of(const process::Options& options) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), options.*field).ptr;
  return std::string(digits.data(), end);
}

constexpr std::array<PssSetting, 9> table = {{
    {"mode", "mode", "budgeted|exact|off",
     "how PSS is sampled: what changed, under the budgets; every process in every scrape; or not",
     set_mode, mode_text},
    {"wait", "wait", "DURATION", "how long a scrape waits for PSS samples",
     set_duration<&Settings::pss_wait>, duration_of<&process::Options::pss_wait>},
    {"max-age", "max_age", "DURATION", "a sample older than this is taken again",
     set_positive_duration<&Settings::pss_max_age>, duration_of<&process::Options::pss_max_age>},
    {"mappings-max-age", "mappings_max_age", "DURATION",
     "what collector mappings knows of a process is read again when it is older than this",
     set_positive_duration<&Settings::pss_mappings_max_age>,
     duration_of<&process::Options::pss_mappings_max_age>},
    {"cpu-budget", "cpu_budget", "RATIO", "CPU for reads of processes, as a share of one core",
     set_ratio<&Settings::pss_cpu_budget>, ratio_of<&process::Options::pss_cpu_budget>},
    {"burst", "burst", "DURATION", "CPU time that PSS sampling may save up and spend at once",
     set_positive_duration<&Settings::pss_burst>, duration_of<&process::Options::pss_burst>},
    {"stall-budget", "stall_budget", "RATIO",
     "share of time in which one process may be held up by reads of its memory",
     set_ratio<&Settings::pss_stall_budget>, ratio_of<&process::Options::pss_stall_budget>},
    {"stall-limit", "stall_limit", "DURATION",
     "a process whose sample would hold it up for longer is read in small parts, where root's "
     "privileges allow it, and not waited for",
     set_positive_duration<&Settings::pss_stall_limit>,
     duration_of<&process::Options::pss_stall_limit>},
    {"tier", "tier", "pagemap|rollup",
     "how such a process is read: pagemap, in small parts, for which CAP_SYS_ADMIN is kept where "
     "it is there; or rollup, in one go and less often, without it",
     set_tier, tier_text},
}};

template <auto field>
Status set_pattern(CollectorSettings& settings, std::string_view text) {
  if (text.empty()) {
    (settings.*field).emplace();
    return Done{};
  }
  auto compiled = Pattern::compile(text);
  if (!compiled) {
    return not_accepted(text, "a regular expression of RE2: " + compiled.error().what);
  }
  (settings.*field).emplace(std::move(*compiled));
  return Done{};
}

std::string text_of(const OptionalPattern& pattern) {
  return pattern ? pattern->expression() : std::string();
}

Status set_cgroup_depth(CollectorSettings& settings, std::string_view text) {
  constexpr unsigned most = 100;
  const auto number = to_number<unsigned>(text);
  if (!number || *number > most) {
    return not_accepted(text, "a number from 0 (the root alone) to " + std::to_string(most));
  }
  settings.cgroup_depth = *number;
  return Done{};
}

Status set_cgroup_max(CollectorSettings& settings, std::string_view text) {
  constexpr unsigned most = 100000;
  const auto number = to_number<unsigned>(text);
  if (!number || *number == 0 || *number > most) {
    return not_accepted(text, "a number from 1 to " + std::to_string(most));
  }
  settings.cgroup_max = *number;
  return Done{};
}

constexpr std::array<CollectorSetting, 5> collector_setting_table = {{
    {"vmstat.fields", "REGEX",
     "further fields of /proc/vmstat to report: those that the expression matches anywhere",
     set_pattern<&CollectorSettings::vmstat_fields>,
     [](const CollectorOptions& options) { return text_of(options.vmstat_fields); }},
    {"cgroup.depth", "NUMBER", "how many levels of cgroups below the root to report",
     set_cgroup_depth,
     [](const CollectorOptions& options) { return std::to_string(options.cgroup.depth); }},
    {"cgroup.max", "NUMBER", "how many cgroups to report at most; the deepest are left out",
     set_cgroup_max,
     [](const CollectorOptions& options) { return std::to_string(options.cgroup.max); }},
    {"cgroup.include", "REGEX",
     "report only cgroups whose path (/system.slice/web.service) this matches",
     set_pattern<&CollectorSettings::cgroup_include>,
     [](const CollectorOptions& options) { return text_of(options.cgroup.include); }},
    {"cgroup.exclude", "REGEX", "do not report cgroups whose path this matches",
     set_pattern<&CollectorSettings::cgroup_exclude>,
     [](const CollectorOptions& options) { return text_of(options.cgroup.exclude); }},
}};

template <typename T>
void prefer(const std::optional<T>& over, std::optional<T>& value) {
  if (over) value = over;
}

void prefer(const CollectorSettings& over, CollectorSettings& under) {
  for (const auto& [name, on] : over.on) under.on[name] = on;
  prefer(over.vmstat_fields, under.vmstat_fields);
  prefer(over.cgroup_depth, under.cgroup_depth);
  prefer(over.cgroup_max, under.cgroup_max);
  prefer(over.cgroup_include, under.cgroup_include);
  prefer(over.cgroup_exclude, under.cgroup_exclude);
}

}  // namespace

std::span<const PssSetting> pss_settings() {
  return table;
}

std::span<const CollectorSetting> collector_settings() {
  return collector_setting_table;
}

Status set_max_groups(Settings& settings, std::string_view text) {
  const auto number = to_number<std::size_t>(text);
  if (!number || *number < 1 || *number > process::most_max_groups) {
    return not_accepted(text, "a number from 1 to " + std::to_string(process::most_max_groups));
  }
  settings.max_groups = *number;
  return Done{};
}

Settings overlay(const Settings& over, Settings under) {
  prefer(over.group_by, under.group_by);
  prefer(over.max_groups, under.max_groups);
  prefer(over.collectors, under.collectors);
  prefer(over.pss_mode, under.pss_mode);
  prefer(over.pss_wait, under.pss_wait);
  prefer(over.pss_max_age, under.pss_max_age);
  prefer(over.pss_mappings_max_age, under.pss_mappings_max_age);
  prefer(over.pss_burst, under.pss_burst);
  prefer(over.pss_cpu_budget, under.pss_cpu_budget);
  prefer(over.pss_stall_budget, under.pss_stall_budget);
  prefer(over.pss_stall_limit, under.pss_stall_limit);
  prefer(over.pss_tier, under.pss_tier);
  return under;
}

process::Options process_options(const Settings& settings) {
  process::Options options;
  if (settings.group_by) options.group_by = *settings.group_by;
  options.max_groups = settings.max_groups.value_or(options.max_groups);
  options.pss_mode = settings.pss_mode.value_or(options.pss_mode);
  options.pss_wait = settings.pss_wait.value_or(options.pss_wait);
  options.pss_max_age = settings.pss_max_age.value_or(options.pss_max_age);
  options.pss_mappings_max_age =
      settings.pss_mappings_max_age.value_or(options.pss_mappings_max_age);
  options.pss_burst = settings.pss_burst.value_or(options.pss_burst);
  options.pss_cpu_budget = settings.pss_cpu_budget.value_or(options.pss_cpu_budget);
  options.pss_stall_budget = settings.pss_stall_budget.value_or(options.pss_stall_budget);
  options.pss_stall_limit = settings.pss_stall_limit.value_or(options.pss_stall_limit);
  options.pss_tier = settings.pss_tier.value_or(options.pss_tier);
  return options;
}

CollectorOptions collector_options(const CollectorSettings& settings) {
  CollectorOptions options;
  options.vmstat_fields = settings.vmstat_fields.value_or(options.vmstat_fields);
  options.cgroup.depth = settings.cgroup_depth.value_or(options.cgroup.depth);
  options.cgroup.max = settings.cgroup_max.value_or(options.cgroup.max);
  options.cgroup.include = settings.cgroup_include.value_or(options.cgroup.include);
  options.cgroup.exclude = settings.cgroup_exclude.value_or(options.cgroup.exclude);
  return options;
}

}  // namespace memory_exporter::config
