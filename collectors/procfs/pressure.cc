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

Parsed<Pressure> parse_pressure(std::string_view text) {
  Pressure pressure;
  const auto skipped =
      for_each_line(text, "\"some|full ... total=microseconds\"", [&](std::string_view line) {
        const auto kind = take_word(line);
        if (kind != "some" && kind != "full") return true;
        auto& total = kind == "some" ? pressure.some : pressure.full;
        const auto read = take_total(line);
        if (!total) total = read;
        return read.has_value();
      });
  return {pressure, skipped};
}

}  // namespace memory_exporter::procfs
