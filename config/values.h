#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/pattern.h"
#include "collectors/base/result.h"
#include "collectors/process/facts/dimension.h"
#include "config/listen_address.h"
#include "config/yaml.h"

/// Values of settings: each is read from text and written so that it reads back. The error says
/// what would be accepted. Durations and ratios are in config/duration.h.
namespace memory_exporter::config {

/// `expected`: "a number from 1 to 100".
Error not_accepted(std::string_view text, std::string_view expected);

Result<bool> read_switch(std::string_view text);
std::string switch_text(bool on);

Result<std::string> read_path(std::string_view text);
std::string plain_text(const std::string& text);

/// A regular expression, or none where the text is empty.
Result<std::optional<Pattern>> read_pattern(std::string_view text);
std::string pattern_text(const std::optional<Pattern>& pattern);

/// A whole number of bytes, or of KiB, MiB or GiB, of 1 MiB or more.
Result<std::size_t> read_reply_bytes(std::string_view text);
std::string size_text(std::size_t bytes);

/// One to a minute, or nothing at all.
Result<std::chrono::nanoseconds> read_share(std::string_view text);

Result<std::string> read_telemetry_path(std::string_view text);

Result<std::vector<ListenAddress>> read_listen_addresses(const Node& list);
std::string listen_addresses_text(const std::vector<ListenAddress>& addresses);

/// Names with commas between them, in each item.
Result<std::vector<std::string>> read_hosts(const Node& list);
std::string hosts_text(const std::vector<std::string>& hosts);

Result<process::GroupBy> read_group_by(const Node& list);
std::string group_by_text(const process::GroupBy& dimensions);

}  // namespace memory_exporter::config
