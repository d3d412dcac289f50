#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>

namespace memory_exporter {

/// The longest time that anybody is given: sums with it do not overflow.
inline constexpr std::chrono::nanoseconds longest_time = std::chrono::hours(24);

/// What a scrape's header says of its timeout, in seconds ("9.5"); nothing where it is no number
/// above 0. No more than the longest time.
std::optional<std::chrono::nanoseconds> timeout_from(std::string_view seconds);

/// When a scrape has to be ready, from `now` on.
inline std::chrono::steady_clock::time_point deadline_after(
    std::chrono::steady_clock::time_point now, std::chrono::nanoseconds time) {
  return now + std::min(time, longest_time);
}

/// Whether what was made in `given` time is as good for one who has `wanted`: the two are about the
/// same, or it left out nothing for want of time.
inline bool serves(std::chrono::nanoseconds given, std::chrono::nanoseconds wanted,
                   std::chrono::nanoseconds enough) {
  return given >= enough || given >= wanted - wanted / 5;
}

}  // namespace memory_exporter
