#include "config/duration.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include "collectors/base/printable.h"

namespace memory_exporter::config {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t milliseconds;
};

// From large to small, which is also the order in which they may follow one another.
constexpr std::array<Unit, 6> units = {{{"w", 604'800'000},
                                        {"d", 86'400'000},
                                        {"h", 3'600'000},
                                        {"m", 60'000},
                                        {"s", 1'000},
                                        {"ms", 1}}};

constexpr std::int64_t most_milliseconds = std::numeric_limits<std::int64_t>::max() / 1'000'000;

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The letters at the front of `text`.
std::string_view unit_name(std::string_view text) {
  std::size_t n = 0;
  while (n < text.size() && !is_digit(text[n])) ++n;
  return text.substr(0, n);
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  if (text == "0") return std::chrono::nanoseconds::zero();
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  std::size_t next_unit = 0;
  while (!text.empty()) {
    if (!is_digit(text.front())) return std::nullopt;
    std::int64_t count = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
    const auto name = unit_name(text);
    while (next_unit < units.size() && units[next_unit].name != name) ++next_unit;
    if (next_unit == units.size()) return std::nullopt;
    const auto unit = units[next_unit++].milliseconds;
    if (count > (most_milliseconds - total) / unit) return std::nullopt;
    total += count * unit;
    text.remove_prefix(name.size());
  }
  return std::chrono::milliseconds(total);
}

Result<std::chrono::nanoseconds> duration_setting(std::string_view text) {
  const auto duration = parse_duration(text);
  if (!duration) {
    return malformed(in_quotes(text) + " is not a duration: write it as 500ms, 60s or 1m30s");
  }
  if (*duration > longest_duration) {
    return malformed(in_quotes(text) + " is too long: at most " + duration_text(longest_duration));
  }
  return *duration;
}

Result<std::chrono::nanoseconds> positive_duration_setting(std::string_view text) {
  auto duration = duration_setting(text);
  if (duration && *duration == std::chrono::nanoseconds::zero()) {
    return malformed("must be longer than 0");
  }
  return duration;
}

std::string duration_text(std::chrono::nanoseconds duration) {
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  if (left == 0) return "0s";
  std::string text;
  for (const auto& unit : units) {
    // Weeks and days only where nothing smaller follows: 36h reads better than 1d12h.
    if (unit.milliseconds >= 86'400'000 && left % unit.milliseconds != 0) continue;
    if (left < unit.milliseconds) continue;
    text += std::to_string(left / unit.milliseconds);
    text += unit.name;
    left %= unit.milliseconds;
  }
  return text;
}

std::optional<double> parse_ratio(std::string_view text) {
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  double value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || !std::isfinite(value)) return std::nullopt;
  return percent ? value / 100 : value;
}

Result<double> ratio_setting(std::string_view text) {
  const auto ratio = parse_ratio(text);
  if (!ratio) return malformed(in_quotes(text) + " is not a ratio: write it as 0.05 or 5%");
  if (*ratio < smallest_ratio || *ratio > 1) {
    return malformed(in_quotes(text) + " is out of range: from 0.000001 (0.0001%) to 1 (100%)");
  }
  return *ratio;
}

}  // namespace memory_exporter::config
