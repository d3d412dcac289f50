#include "collectors/procfs/pressure.h"

#include <cstdint>

#include "collectors/base/text.h"

namespace memory_exporter::procfs {
namespace {

std::optional<std::chrono::microseconds> take_total(std::string_view line) {
  constexpr std::string_view key = "total=";
  for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
    if (!word.starts_with(key)) continue;
    const auto total = to_number<std::int64_t>(word.substr(key.size()));
    if (!total || *total < 0) return std::nullopt;
    return std::chrono::microseconds(*total);
  }
  return std::nullopt;
}

}  // namespace

Result<Pressure> parse_pressure(std::string_view text) {
  if (ends_within_line(text)) return malformed("the last line is cut short");
  Pressure pressure;
  for (int number = 1; !text.empty(); ++number) {
    auto line = take_line(text);
    const auto kind = take_word(line);
    const auto total = take_total(line);
    if (!total) return malformed("expected \"some|full ... total=microseconds\"", number);
    if (kind == "some") pressure.some = total;
    if (kind == "full") pressure.full = total;
  }
  return pressure;
}

}  // namespace memory_exporter::procfs
