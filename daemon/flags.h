#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/registry.h"
#include "config/settings.h"
#include "daemon/http/listen_address.h"
#include "daemon/log.h"

namespace memory_exporter {

/// The largest --web.max-requests: each takes a thread.
inline constexpr unsigned most_max_requests = 120;

/// What the command line says.
struct Options {
  bool help = false;
  bool version = false;
  bool once = false;
  std::string config_file;  ///< empty: none
  bool config_check = false;

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

  bool disable_default_collectors = false;
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::logfmt;

  config::Settings settings;  ///< what the configuration file may say as well

  bool operator==(const Options&) const = default;
};

/// One flag. The command line, --help and the documentation's test are all made from flags().
struct Flag {
  std::string_view group;     ///< its heading in --help
  std::string name;           ///< with its dashes
  std::string placeholder;    ///< of its value; empty where it takes none
  std::string default_value;  ///< empty where it has none
  std::string help;
  bool repeatable = false;
  /// Reads the value (empty where it takes none). The error says what would be accepted.
  std::function<Status(Options&, const std::string& value)> apply;
};

/// Every flag there is, in the order of --help.
std::vector<Flag> flags();

/// Reads a command line, the program's name left out. The error is one line that names the flag.
Result<Options> parse_flags(const std::vector<std::string>& arguments);

/// What --help prints.
std::string help_text();

}  // namespace memory_exporter
