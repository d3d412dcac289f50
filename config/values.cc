#include "config/values.h"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

#include "collectors/base/printable.h"
#include "collectors/base/text.h"
#include "config/duration.h"
#include "config/rows.h"
#include "config/suggest.h"

namespace memory_exporter::config {
namespace {

constexpr std::pair<std::string_view, unsigned> size_units[] = {
    {"GiB", 30}, {"MiB", 20}, {"KiB", 10}};

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool has_only(std::string_view text, std::string_view signs) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return is_letter_or_digit(c) || signs.find(c) != std::string_view::npos;
  });
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string all;
  for (const auto& part : parts) {
    if (!all.empty()) all += between;
    all += part;
  }
  return all;
}

Result<ListenAddress> read_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return malformed(in_quotes(text) + " has no port: write it as :10042 or 127.0.0.1:10042");
  }
  auto host = text.substr(0, colon);
  if (host.find_first_of(":[]") != std::string_view::npos) {
    return malformed(in_quotes(text) +
                     " is an IPv6 address, which this build's HTTP server cannot listen on: give "
                     "an IPv4 address");
  }
  const auto port = to_number<std::uint16_t>(text.substr(colon + 1));
  if (!port) return malformed(in_quotes(text) + " has no port from 0 to 65535 after its colon");
  if (host == "localhost") host = "127.0.0.1";
  in_addr parsed{};
  if (!host.empty() && ::inet_pton(AF_INET, std::string(host).c_str(), &parsed) != 1) {
    return malformed(in_quotes(text) + " has no IPv4 address before its colon: write it as " +
                     "127.0.0.1:10042, or :10042 for every address");
  }
  return ListenAddress{std::string(host), *port};
}

/// An error of an item stands at the item.
Error at(const Node& item, std::string what) {
  return malformed(std::move(what), item.place.line, item.place.column);
}

}  // namespace

Error not_accepted(std::string_view text, std::string_view expected) {
  return malformed(in_quotes(text) + " is not " + printable(expected, 300));
}

Result<bool> read_switch(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return malformed(in_quotes(text) + " is neither true nor false");
}

std::string switch_text(bool on) {
  return on ? "true" : "false";
}

Result<std::string> read_path(std::string_view text) {
  if (text.empty()) return malformed("needs a path");
  return std::string(text);
}

std::string plain_text(const std::string& text) {
  return text;
}

Result<std::optional<Pattern>> read_pattern(std::string_view text) {
  if (text.empty()) return std::optional<Pattern>();
  auto compiled = Pattern::compile(text);
  if (compiled) return std::optional(std::move(*compiled));
  return not_accepted(text, "a regular expression of RE2: " + compiled.error().what);
}

std::string pattern_text(const std::optional<Pattern>& pattern) {
  return pattern ? pattern->expression() : std::string();
}

Result<std::size_t> read_reply_bytes(std::string_view text) {
  constexpr auto least = std::size_t{1} << 20;
  auto digits = text;
  unsigned shift = 0;
  for (const auto& [unit, bits] : size_units) {
    if (!digits.ends_with(unit)) continue;
    digits.remove_suffix(unit.size());
    shift = bits;
  }
  const auto number = to_number<std::uint32_t>(digits);
  if (number && std::size_t{*number} << shift >= least) return std::size_t{*number} << shift;
  return not_accepted(text, "a size of 1MiB or more: write it as 32MiB");
}

std::string size_text(std::size_t bytes) {
  for (const auto& [unit, bits] : size_units) {
    if (bytes != 0 && bytes >> bits << bits == bytes) {
      return std::to_string(bytes >> bits).append(unit);
    }
  }
  return std::to_string(bytes);
}

Result<std::chrono::nanoseconds> read_share(std::string_view text) {
  const auto duration = parse_duration(text);
  if (duration && *duration <= std::chrono::minutes(1)) return *duration;
  return not_accepted(text, "a duration from 0 to 1m: write it as 100ms");
}

Result<std::string> read_telemetry_path(std::string_view text) {
  if (!text.starts_with('/') || !has_only(text, "/-_.~")) {
    return not_accepted(text, "a path: start it with / and use letters, digits and -_.~/");
  }
  if (text.find("//") != std::string_view::npos || text.find("/.") != std::string_view::npos) {
    return malformed(in_quotes(text) + " has an empty part or one that starts with a dot");
  }
  if (text.starts_with("/-/")) {
    return malformed(in_quotes(text) + " is taken: choose one outside /-/");
  }
  return std::string(text);
}

Result<std::vector<ListenAddress>> read_listen_addresses(const Node& list) {
  std::vector<ListenAddress> all;
  for (const auto& item : list.items) {
    auto address = read_listen_address(item.text);
    if (!address) return address.error();
    if (address->port != 0 && std::find(all.begin(), all.end(), *address) != all.end()) {
      return malformed(in_quotes(item.text) + " is given twice");
    }
    all.push_back(std::move(*address));
  }
  return all;
}

std::string listen_addresses_text(const std::vector<ListenAddress>& addresses) {
  std::vector<std::string> texts;
  for (const auto& address : addresses) texts.push_back(address.text());
  return joined(texts, " ");
}

Result<std::vector<std::string>> read_hosts(const Node& list) {
  std::vector<std::string> all;
  for (const auto& item : list.items) {
    std::string_view rest = item.text;
    while (true) {
      const auto name = rest.substr(0, rest.find(','));
      if (name.empty() || (name != "*" && !has_only(name, "-_."))) {
        return not_accepted(name,
                            "a host name: write it as node1.example.org, .example.org for all "
                            "below it, or * for any");
      }
      all.emplace_back(name);
      if (name.size() == rest.size()) break;
      rest.remove_prefix(name.size() + 1);
    }
  }
  return all;
}

std::string hosts_text(const std::vector<std::string>& hosts) {
  return joined(hosts, ",");
}

Result<process::GroupBy> read_group_by(const Node& list) {
  std::vector<std::string_view> known;
  for (const auto& dimension : process::dimensions()) known.push_back(dimension.name);
  process::GroupBy dimensions;
  for (const auto& item : list.items) {
    if (item.kind != Node::Kind::scalar) {
      return at(item, "is " + std::string(name_of(item.kind)) +
                          ", must be a single value: " + enumerated(known, "or"));
    }
    const auto* dimension = process::dimension_named(item.text);
    if (dimension == nullptr) {
      return at(item, in_quotes(item.text) + " is no dimension" + did_you_mean(item.text, known) +
                          ": there are " + enumerated(known));
    }
    if (std::find(dimensions.begin(), dimensions.end(), dimension) != dimensions.end()) {
      return at(item, in_quotes(item.text) + " is given twice");
    }
    dimensions.push_back(dimension);
  }
  return dimensions;
}

std::string group_by_text(const process::GroupBy& dimensions) {
  std::vector<std::string> names;
  for (const auto* dimension : dimensions) names.emplace_back(dimension->name);
  return '[' + joined(names, ", ") + ']';
}

}  // namespace memory_exporter::config
