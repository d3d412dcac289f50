#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/process/facts/options.h"
#include "collectors/registry.h"

namespace memory_exporter::config {

/// A pattern, or none: which can be said too, and takes back what the file says.
using OptionalPattern = std::optional<Pattern>;

/// What can be set of collectors.
struct CollectorSettings {
  std::map<std::string, bool, std::less<>> on;  ///< or off, by name
  std::optional<OptionalPattern> vmstat_fields;
  std::optional<unsigned> cgroup_depth;
  std::optional<unsigned> cgroup_max;
  std::optional<OptionalPattern> cgroup_include;
  std::optional<OptionalPattern> cgroup_exclude;

  bool operator==(const CollectorSettings&) const = default;
};

/// What both the command line and the configuration file can set. What neither names is empty and
/// keeps its default; what both name is the command line's.
struct Settings {
  std::optional<process::GroupBy> group_by;
  std::optional<std::size_t> max_groups;
  CollectorSettings collectors;
  std::optional<process::PssMode> pss_mode;
  std::optional<std::chrono::nanoseconds> pss_wait;
  std::optional<std::chrono::nanoseconds> pss_max_age;
  std::optional<std::chrono::nanoseconds> pss_mappings_max_age;
  std::optional<std::chrono::nanoseconds> pss_burst;
  std::optional<double> pss_cpu_budget;
  std::optional<double> pss_stall_budget;
  std::optional<std::chrono::nanoseconds> pss_stall_limit;
  std::optional<process::PssTier> pss_tier;

  bool operator==(const Settings&) const = default;
};

/// One setting of PSS sampling: `--pss.max-age`, and `max_age` under `pss:` in the file.
struct PssSetting {
  std::string_view flag;         ///< what follows `--pss.`
  std::string_view key;          ///< under `pss:`
  std::string_view placeholder;  ///< for --help
  std::string_view help;
  /// Reads `text` into its field. The error says what would be accepted.
  Status (*set)(Settings& settings, std::string_view text);
  /// The value in force, as it would be written.
  std::string (*text)(const process::Options& options);
};

/// Every one there is: the flags, the file's keys and --help are made from this table.
std::span<const PssSetting> pss_settings();

/// One setting of a collector: `--collector.cgroup.depth`, and `cgroup.depth` under `collectors:`.
struct CollectorSetting {
  std::string_view name;         ///< what follows `--collector.`, and the key
  std::string_view placeholder;  ///< for --help
  std::string_view help;
  /// As in PssSetting.
  Status (*set)(CollectorSettings& settings, std::string_view text);
  /// The value in force, as it would be written; empty where there is none.
  std::string (*text)(const CollectorOptions& options);
};

/// Every one there is: the flags, the file's keys and --help are made from this table.
std::span<const CollectorSetting> collector_settings();

/// Reads the number of process groups there may be. As in PssSetting.
Status set_max_groups(Settings& settings, std::string_view text);

/// `over` where it says something, else `under`.
Settings overlay(const Settings& over, Settings under);

/// The defaults, changed by what the settings say.
process::Options process_options(const Settings& settings);
CollectorOptions collector_options(const CollectorSettings& settings);

}  // namespace memory_exporter::config
