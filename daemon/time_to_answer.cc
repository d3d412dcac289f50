#include "daemon/time_to_answer.h"

#include <charconv>
#include <system_error>

namespace memory_exporter {

std::optional<std::chrono::nanoseconds> timeout_from(std::string_view seconds) {
  const auto* end = seconds.data() + seconds.size();
  double value = 0;
  const auto [stop, error] = std::from_chars(seconds.data(), end, value);
  constexpr double longest = std::chrono::duration<double>(longest_time).count();
  if (error != std::errc{} || stop != end || !(value > 0)) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(std::min(value, longest)));
}

}  // namespace memory_exporter
