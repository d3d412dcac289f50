#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>

namespace memory_exporter {

/// Keeps a log short: an event that comes again and again is let through a few times a minute, and
/// so is a stream of ever different ones. Bounded memory. Not safe to call from two threads at
/// once.
class RepeatFilter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::minutes window{1};
  /// Distinct events remembered. What comes on top within a window is one event.
  static constexpr std::size_t most_remembered = 256;

  /// Whether `event` is to be written now, of which `most` in a window may be: then how many were
  /// left out since one was; else nothing.
  std::optional<std::uint64_t> admit(std::string_view event, unsigned most, TimePoint now);

 private:
  struct Repeated {
    TimePoint since;
    unsigned written = 0;          ///< since then
    std::uint64_t suppressed = 0;  ///< since then
  };
  std::uint64_t key_of(std::string_view event, TimePoint now);

  std::unordered_map<std::uint64_t, Repeated> repeated_;  ///< by a hash of the event
};

}  // namespace memory_exporter
