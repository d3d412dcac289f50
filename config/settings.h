#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/process/monitor.h"
#include "collectors/procfs/result.h"

namespace memory_exporter::config {

/// What both the command line and the configuration file can set. What neither names is empty and
/// keeps its default; what both name is the command line's.
struct Settings {
  std::optional<std::vector<process::Dimension>> group_by;
  std::map<std::string, bool, std::less<>> collectors;  ///< on or off, by name
  std::optional<process::PssMode> pss_mode;
  std::optional<std::chrono::nanoseconds> pss_wait;
  std::optional<std::chrono::nanoseconds> pss_max_age;
  std::optional<std::chrono::nanoseconds> pss_mappings_max_age;
  std::optional<std::chrono::nanoseconds> pss_burst;
  std::optional<double> pss_cpu_budget;
  std::optional<double> pss_stall_budget;
  std::optional<std::chrono::nanoseconds> pss_stall_limit;

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

/// `over` where it says something, else `under`.
Settings overlay(const Settings& over, Settings under);

/// The defaults, changed by what the settings say.
process::Options process_options(const Settings& settings);

}  // namespace memory_exporter::config
