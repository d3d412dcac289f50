#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "collectors/process/facts/settings.h"
#include "collectors/registry.h"
#include "config/listen_address.h"
#include "config/log_choice.h"

namespace memory_exporter::config {

/// The largest --web.max-requests: each takes a thread.
inline constexpr unsigned most_max_requests = 120;

/// Which collectors run.
struct CollectorSwitches {
  bool disable_defaults = false;
  std::map<std::string, bool, std::less<>> on;  ///< or off, by name; the others as the table has it

  bool is_on(const CollectorEntry& entry) const;

  bool operator==(const CollectorSwitches&) const = default;
};

/// All that the operator can set, with its default. config/rows.h says how.
struct Settings {
  bool help = false;
  bool version = false;
  bool once = false;
  bool config_check = false;
  std::string config_file;  ///< empty: none

  std::vector<ListenAddress> listen_addresses = {{"", 10042}};
  std::string telemetry_path = "/metrics";
  bool enable_lifecycle = false;
  std::vector<std::string> allowed_hosts;  ///< names of this machine beside those it knows
  unsigned max_requests = 24;  ///< scrapes made at the same time; 0: no limit of its own
  std::size_t max_reply_bytes = std::size_t{32} << 20;  ///< of replies made, kept and sent
  std::chrono::nanoseconds scrape_timeout = std::chrono::seconds(10);
  std::chrono::nanoseconds scrape_share = std::chrono::milliseconds(100);

  std::string procfs = "/proc";
  std::string sysfs = "/sys";
  std::string rootfs = "/";

  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::logfmt;

  CollectorSwitches switches;
  CollectorSettings collectors;
  process::Settings process;

  bool operator==(const Settings&) const = default;
};

}  // namespace memory_exporter::config
