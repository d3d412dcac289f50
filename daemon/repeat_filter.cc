#include "daemon/repeat_filter.h"

#include <functional>

namespace memory_exporter {
namespace {

/// An event that has not come again for so long takes its count of suppressed lines with it.
constexpr std::chrono::minutes forget_after{10};

/// Stands for all events that there is no room for. Of these none is written but after a window.
constexpr std::uint64_t any_other = 0;

}  // namespace

std::optional<std::uint64_t> RepeatFilter::admit(std::string_view event, unsigned most,
                                                 TimePoint now) {
  const auto key = key_of(event, now);
  auto& repeated = repeated_.try_emplace(key, Repeated{now, 0, 0}).first->second;
  if (now - repeated.since >= window) {
    const auto suppressed = repeated.suppressed;
    repeated = Repeated{now, 1, 0};
    return suppressed;
  }
  if (key != any_other && repeated.written < most) {
    ++repeated.written;
    return 0;
  }
  ++repeated.suppressed;
  return std::nullopt;
}

/// Where the event is remembered; makes room for it first, where there is none.
std::uint64_t RepeatFilter::key_of(std::string_view event, TimePoint now) {
  const std::uint64_t key = std::hash<std::string_view>()(event) | 1;
  if (repeated_.contains(key)) return key;
  std::erase_if(repeated_, [&](const auto& entry) {
    const auto age = now - entry.second.since;
    return age >= (entry.second.suppressed == 0 ? window : forget_after);
  });
  return repeated_.size() < most_remembered ? key : any_other;
}

}  // namespace memory_exporter
