#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace memory_exporter::config {

/// A duration as Prometheus writes it: whole numbers with the units w, d, h, m, s, ms, the larger
/// first and each at most once (`500ms`, `60s`, `1m30s`, `1h`), or a bare `0`. Nothing for anything
/// else, a fraction, a sign and more than 292 years included.
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// The shortest text that parse_duration() reads back as the same whole milliseconds.
std::string duration_text(std::chrono::nanoseconds duration);

/// A share of a whole: `0.05`, or the same as `5%`. Nothing for anything else; negative, infinite
/// and not-a-number are no ratios.
std::optional<double> parse_ratio(std::string_view text);

}  // namespace memory_exporter::config
