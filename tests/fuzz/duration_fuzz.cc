#include "config/duration.h"

#include <cmath>
#include <cstring>
#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  if (const auto duration = config::parse_duration(text)) {
    fuzz::require(duration->count() >= 0, "a duration is not negative");
    fuzz::require(text.find_first_not_of("0123456789wdhms") == std::string_view::npos,
                  "a duration is digits and units");
    const auto again = config::parse_duration(config::duration_text(*duration));
    fuzz::require(again == duration, "a duration reads back");
  }
  if (const auto ratio = config::parse_ratio(text)) {
    fuzz::require(std::isfinite(*ratio) && *ratio >= 0, "a ratio is a number that is not negative");
    const auto percent = text.ends_with('%') ? ratio : config::parse_ratio(std::string(text) + '%');
    fuzz::require(percent && (text.ends_with('%') || *percent == *ratio / 100),
                  "a percent is a hundredth");
  }
  if (std::int64_t count = 0; size >= sizeof count) {
    std::memcpy(&count, data, sizeof count);
    const auto milliseconds = std::chrono::milliseconds(
        static_cast<std::int64_t>(static_cast<std::uint64_t>(count) % 9'223'372'036'854u));
    fuzz::require(config::parse_duration(config::duration_text(milliseconds)) == milliseconds,
                  "every whole millisecond can be written");
  }
  return 0;
}
