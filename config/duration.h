#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/base/result.h"

namespace memory_exporter::config {

/// A duration as Prometheus writes it: whole numbers with the units w, d, h, m, s, ms, the larger
/// first and each at most once (`500ms`, `60s`, `1m30s`, `1h`), or a bare `0`. Nothing for anything
/// else, a fraction, a sign and more than 292 years included.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// The longest duration of a setting. It leaves room to add it to any time and to multiply it.
inline constexpr std::chrono::hours longest_duration{24 * 365};

/// A duration of a setting, or an error that says what would be accepted.
Result<std::chrono::nanoseconds> duration_setting(std::string_view text);

/// The same, and more than 0.
Result<std::chrono::nanoseconds> positive_duration_setting(std::string_view text);

/// The shortest text that parse_duration() reads back as the same whole milliseconds.
std::string duration_text(std::chrono::nanoseconds duration);

/// A share of a whole: `0.05`, or the same as `5%`. Nothing for anything else; negative, infinite
/// and not-a-number are no ratios.
std::optional<double> parse_ratio(std::string_view text);

/// The smallest ratio of a setting: what is divided by it still has room.
inline constexpr double smallest_ratio = 1e-6;

/// A ratio of a setting, up to 1, or an error that says what would be accepted.
Result<double> ratio_setting(std::string_view text);

}  // namespace memory_exporter::config
