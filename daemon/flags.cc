#include "daemon/flags.h"

#include <arpa/inet.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "collectors/base/printable.h"
#include "collectors/base/text.h"
#include "collectors/registry.h"
#include "config/duration.h"
#include "config/suggest.h"

namespace memory_exporter {
namespace {

constexpr std::string_view general = "General";
constexpr std::string_view web = "Web";
constexpr std::string_view paths = "Paths";
constexpr std::string_view collectors = "Collectors";
constexpr std::string_view pss = "PSS sampling";
constexpr std::string_view logging = "Logging";

Error refuse(std::string what) {
  return malformed(std::move(what));
}

Result<ListenAddress> listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return refuse(in_quotes(text) + " has no port: write it as :10042 or 127.0.0.1:10042");
  }
  auto host = text.substr(0, colon);
  if (host.find_first_of(":[]") != std::string_view::npos) {
    return refuse(in_quotes(text) +
                  " is an IPv6 address, which this build's HTTP server cannot listen on: give an "
                  "IPv4 address");
  }
  const auto port = to_number<std::uint16_t>(text.substr(colon + 1));
  if (!port) return refuse(in_quotes(text) + " has no port from 0 to 65535 after its colon");
  if (host == "localhost") host = "127.0.0.1";
  in_addr parsed{};
  if (!host.empty() && ::inet_pton(AF_INET, std::string(host).c_str(), &parsed) != 1) {
    return refuse(in_quotes(text) + " has no IPv4 address before its colon: write it as " +
                  "127.0.0.1:10042, or :10042 for every address");
  }
  return ListenAddress{std::string(host), *port};
}

Status add_listen_address(Options& options, const std::string& text) {
  auto address = listen_address(text);
  if (!address) return address.error();
  auto& all = options.listen_addresses;
  if (address->port != 0 && std::find(all.begin(), all.end(), *address) != all.end()) {
    return refuse(in_quotes(text) + " is given twice");
  }
  all.push_back(std::move(*address));
  return Done{};
}

Status set_telemetry_path(Options& options, const std::string& text) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' ||
           c == '-' || c == '_' || c == '.' || c == '~';
  };
  if (!text.starts_with('/') || !std::all_of(text.begin(), text.end(), plain)) {
    return refuse(in_quotes(text) +
                  " is not a path: start it with / and use letters, digits and -_.~/");
  }
  if (text.find("//") != std::string::npos || text.find("/.") != std::string::npos) {
    return refuse(in_quotes(text) + " has an empty part or one that starts with a dot");
  }
  if (text.starts_with("/-/")) return refuse(in_quotes(text) + " is taken: choose one outside /-/");
  options.telemetry_path = text;
  return Done{};
}

Status set_max_requests(Options& options, const std::string& text) {
  const auto number = to_number<unsigned>(text);
  if (!number || *number > most_max_requests) {
    return refuse(in_quotes(text) + " is not a number from 0 (no limit of its own) to " +
                  std::to_string(most_max_requests));
  }
  options.max_requests = *number;
  return Done{};
}

Status set_scrape_timeout(Options& options, const std::string& text) {
  const auto duration = config::positive_duration_setting(text);
  if (!duration) return duration.error();
  options.scrape_timeout = *duration;
  return Done{};
}

/// A whole number of bytes, or of KiB, MiB or GiB.
std::optional<std::size_t> size_from(std::string_view text) {
  constexpr std::pair<std::string_view, unsigned> units[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}};
  unsigned shift = 0;
  for (const auto& [unit, bits] : units) {
    if (!text.ends_with(unit)) continue;
    text.remove_suffix(unit.size());
    shift = bits;
  }
  const auto number = to_number<std::uint32_t>(text);
  if (!number) return std::nullopt;
  return std::size_t{*number} << shift;
}

Status set_max_reply_bytes(Options& options, const std::string& text) {
  constexpr auto least = std::size_t{1} << 20;
  const auto size = size_from(text);
  if (!size || *size < least) {
    return refuse(in_quotes(text) + " is not a size of 1MiB or more: write it as 32MiB");
  }
  options.max_reply_bytes = *size;
  return Done{};
}

Status set_scrape_share(Options& options, const std::string& text) {
  const auto duration = config::parse_duration(text);
  if (!duration || *duration > std::chrono::minutes(1)) {
    return refuse(in_quotes(text) + " is not a duration from 0 to 1m: write it as 100ms");
  }
  options.scrape_share = *duration;
  return Done{};
}

Status add_allowed_hosts(Options& options, const std::string& text) {
  std::string_view rest = text;
  while (true) {
    const auto name = rest.substr(0, rest.find(','));
    const auto plain = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '_' || c == '.';
    };
    if (name.empty() || (name != "*" && !std::all_of(name.begin(), name.end(), plain))) {
      return refuse(in_quotes(name) +
                    " is not a host name: write it as node1.example.org, .example.org for all "
                    "below it, or * for any");
    }
    options.allowed_hosts.emplace_back(name);
    if (name.size() == rest.size()) return Done{};
    rest.remove_prefix(name.size() + 1);
  }
}

template <std::string Options::*field>
Status set_path(Options& options, const std::string& text) {
  if (text.empty()) return refuse("needs a path");
  options.*field = text;
  return Done{};
}

template <bool Options::*field>
Status set_true(Options& options, const std::string&) {
  options.*field = true;
  return Done{};
}

Status set_log_level(Options& options, const std::string& text) {
  const auto level = log_level_from(text);
  if (!level) return refuse(in_quotes(text) + " is no level: write debug, info, warn or error");
  options.log_level = *level;
  return Done{};
}

Status set_log_format(Options& options, const std::string& text) {
  const auto format = log_format_from(text);
  if (!format) return refuse(in_quotes(text) + " is no format: write logfmt or json");
  options.log_format = *format;
  return Done{};
}

Flag with_value(std::string_view group, std::string name, std::string placeholder,
                std::string default_value, std::string help,
                Status (*apply)(Options&, const std::string&)) {
  return Flag{group,
              std::move(name),
              std::move(placeholder),
              std::move(default_value),
              std::move(help),
              false,
              apply};
}

Flag alone(std::string_view group, std::string name, std::string help,
           Status (*apply)(Options&, const std::string&)) {
  return with_value(group, std::move(name), "", "", std::move(help), apply);
}

Flag collector_switch(const CollectorEntry& entry, bool on) {
  const auto apply = [name = std::string(entry.name), on](Options& options,
                                                          const std::string&) -> Status {
    const auto [at, added] = options.settings.collectors.on.emplace(name, on);
    if (!added && at->second != on) {
      return refuse("contradicts --" + std::string(on ? "no-" : "") + "collector." + name +
                    ": give one of the two");
    }
    return Done{};
  };
  const auto prefix = std::string(on ? "--" : "--no-") + "collector.";
  auto help = on ? std::string(entry.summary) : "do not collect " + std::string(entry.name);
  if (on == entry.on_by_default) help += " (default)";
  return Flag{collectors, prefix + std::string(entry.name), "", "", std::move(help), false, apply};
}

Flag collector_flag(const config::CollectorSetting& setting) {
  const auto apply = [&setting](Options& options, const std::string& text) {
    return setting.set(options.settings.collectors, text);
  };
  return Flag{collectors,
              "--collector." + std::string(setting.name),
              std::string(setting.placeholder),
              setting.text(CollectorOptions{}),
              std::string(setting.help),
              false,
              apply};
}

Flag pss_flag(const config::PssSetting& setting) {
  const auto apply = [&setting](Options& options, const std::string& text) {
    return setting.set(options.settings, text);
  };
  return Flag{pss,
              "--pss." + std::string(setting.flag),
              std::string(setting.placeholder),
              setting.text(process::Options{}),
              std::string(setting.help),
              false,
              apply};
}

const Flag* find_flag(const std::vector<Flag>& all, std::string_view name) {
  const auto at =
      std::find_if(all.begin(), all.end(), [&](const Flag& f) { return f.name == name; });
  return at == all.end() ? nullptr : &*at;
}

/// What CLI11 leaves over: a flag that does not exist, or a word that belongs to none.
Error left_over(const std::string& word, const std::vector<Flag>& all) {
  if (!word.starts_with('-')) {
    return refuse(in_quotes(word) + ": no flag takes this: write --flag=value");
  }
  const auto name = word.substr(0, word.find('='));
  std::vector<std::string_view> names;
  for (const auto& flag : all) names.push_back(flag.name);
  return refuse(printable(name, 80) + ": unknown flag" + config::did_you_mean(name, names) +
                "; --help lists them all");
}

/// CLI11's own complaints are about how many values follow a flag; its text starts with the name,
/// which has no dashes where a value was given to a flag that takes none.
Error wrong_count(std::string_view complaint, const std::vector<Flag>& all) {
  std::string name(complaint.substr(0, complaint.find_first_of(" :\n")));
  if (!name.starts_with("--")) name.insert(0, "--");
  const auto* flag = find_flag(all, name);
  if (flag == nullptr) return refuse(printable(complaint));
  if (flag->placeholder.empty()) return refuse(flag->name + ": takes no value");
  return refuse(flag->name + ": needs a value: write " + flag->name + '=' + flag->placeholder);
}

/// As indented lines of at most 80 columns.
void append_wrapped(std::string& out, std::string_view text) {
  constexpr std::string_view indent = "      ";
  constexpr std::size_t columns = 80 - indent.size();
  while (!text.empty()) {
    auto line = text;
    if (text.size() > columns) line = text.substr(0, text.rfind(' ', columns));
    out.append(indent).append(line) += '\n';
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

}  // namespace

std::vector<Flag> flags() {
  const Options defaults;
  std::vector<Flag> all = {
      alone(general, "--help", "print this and end", set_true<&Options::help>),
      alone(general, "--version", "print the version and end", set_true<&Options::version>),
      alone(general, "--once",
            "print the metrics once, every process's PSS measured and no deadline, and end",
            set_true<&Options::once>),
      with_value(general, "--config.file", "PATH", "",
                 "read this configuration file (YAML); what flags set as well is the flags'",
                 set_path<&Options::config_file>),
      alone(general, "--config.check", "check the configuration file and end",
            set_true<&Options::config_check>),

      Flag{web, "--web.listen-address", "ADDRESS", ":10042",
           "IPv4 address and port to serve on, or :PORT for every address; may be repeated", true,
           add_listen_address},
      with_value(web, "--web.telemetry-path", "PATH", defaults.telemetry_path,
                 "where the metrics are", set_telemetry_path),
      alone(web, "--web.enable-lifecycle", "let POST /-/reload read the configuration file again",
            set_true<&Options::enable_lifecycle>),
      with_value(web, "--web.max-requests", "NUMBER", std::to_string(defaults.max_requests),
                 "scrapes made at the same time; a further one gets 503, but for those that share "
                 "one; 0: no limit",
                 set_max_requests),
      with_value(web, "--web.max-reply-bytes", "SIZE", "32MiB",
                 "bytes of all replies that are made and sent at the same time, each counted once "
                 "however many it is sent to; a scrape for which there is no room gets 503",
                 set_max_reply_bytes),
      Flag{web, "--web.allowed-hosts", "NAME", "",
           "further names by which browsers may ask for / and for a reload, with commas between "
           "them; addresses, localhost and the host name always may; .NAME: every name below it; "
           "*: any; may be repeated",
           true, add_allowed_hosts},
      with_value(web, "--scrape.share", "DURATION", config::duration_text(defaults.scrape_share),
                 "a scrape that comes so soon after a collection has ended gets what it brought; "
                 "0: each collects for itself",
                 set_scrape_share),
      with_value(
          web, "--scrape.timeout", "DURATION", config::duration_text(defaults.scrape_timeout),
          "time for a scrape whose request does not bring its own timeout", set_scrape_timeout),

      with_value(paths, "--path.procfs", "PATH", defaults.procfs, "where procfs is mounted",
                 set_path<&Options::procfs>),
      with_value(paths, "--path.sysfs", "PATH", defaults.sysfs, "where sysfs is mounted",
                 set_path<&Options::sysfs>),
      with_value(paths, "--path.rootfs", "PATH", defaults.rootfs, "the machine's root directory",
                 set_path<&Options::rootfs>),

      alone(collectors, "--collector.disable-defaults",
            "collect nothing but what a flag or the configuration file turns on",
            set_true<&Options::disable_default_collectors>),
  };
  for (const auto& entry : collector_table()) {
    all.push_back(collector_switch(entry, true));
    all.push_back(collector_switch(entry, false));
  }
  for (const auto& setting : config::collector_settings()) all.push_back(collector_flag(setting));
  for (const auto& setting : config::pss_settings()) all.push_back(pss_flag(setting));
  all.push_back(with_value(logging, "--log.level", "debug|info|warn|error", "info",
                           "what is worth a line on standard error", set_log_level));
  all.push_back(with_value(logging, "--log.format", "logfmt|json", "logfmt", "how it is written",
                           set_log_format));
  return all;
}

Result<Options> parse_flags(const std::vector<std::string>& arguments) {
  const auto all = flags();
  std::map<std::string, std::vector<std::string>> given;

  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  for (const auto& flag : all) {
    const auto keep = [&given, &flag](const std::vector<std::string>& values) {
      given[flag.name] = values;
      return true;
    };
    // -h is so common that it would be unkind not to know it.
    const auto names = flag.name == "--help" ? "-h,--help" : flag.name;
    if (flag.placeholder.empty()) {
      const auto keep_count = [&given, &flag](std::int64_t count) {
        given[flag.name].resize(static_cast<std::size_t>(count));
      };
      app.add_flag_function(names, keep_count)->disable_flag_override();
    } else {
      app.add_option(names, keep, "")
          ->expected(1)
          ->allow_extra_args(false)
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
  }
  try {
    // CLI11 takes a vector from its back.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& complaint) {
    return wrong_count(complaint.what(), all);
  }
  if (const auto extras = app.remaining(); !extras.empty()) return left_over(extras.front(), all);

  Options options;
  if (given.contains("--web.listen-address")) options.listen_addresses.clear();
  for (const auto& flag : all) {
    const auto values = given.find(flag.name);
    if (values == given.end()) continue;
    if (values->second.size() > 1 && !flag.repeatable) {
      return refuse(flag.name + ": is given more than once");
    }
    for (const auto& value : values->second) {
      if (auto applied = flag.apply(options, value); !applied) {
        return refuse(flag.name + ": " + applied.error().what);
      }
    }
  }
  if (options.config_check && options.config_file.empty()) {
    return refuse("--config.check: needs --config.file=PATH");
  }
  return options;
}

std::string help_text() {
  std::string text =
      "memory_exporter: who uses this machine's memory, and what kind of memory is it?\n"
      "\n"
      "Usage: memory_exporter [--flag=value]...\n";
  std::string_view group;
  for (const auto& flag : flags()) {
    if (flag.group != group) {
      group = flag.group;
      text.append("\n").append(group).append(":\n");
    }
    text.append("  ").append(flag.name);
    if (!flag.placeholder.empty()) text.append("=").append(flag.placeholder);
    text += '\n';
    auto help = flag.help;
    if (!flag.default_value.empty()) help.append(" (default ").append(flag.default_value) += ')';
    append_wrapped(text, help);
  }
  text +=
      "\n"
      "Durations are written as 500ms, 60s or 1m30s, ratios as 0.05 or 5%.\n"
      "Exit codes: 0 fine, 1 could not start or run, 2 wrong flag or configuration.\n";
  return text;
}

}  // namespace memory_exporter
