#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "tests/fuzz/fuzz.h"

namespace memory_exporter::fuzz {

/// Takes one code point off the front, by the definition of UTF-8 and not by the tables of
/// collectors/base/utf8; nothing where the front is none.
inline std::optional<std::uint32_t> take_code_point(std::string_view& text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto lead = byte(0);
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  if ((lead >= 0x80 && lead < 0xC0) || lead > 0xF7 || text.size() < size) return std::nullopt;
  std::uint32_t value = size == 1 ? lead : lead & (0x7Fu >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return std::nullopt;
    value = value * 64 + (byte(i) - 0x80u);
  }
  constexpr std::uint32_t least[] = {0, 0x80, 0x800, 0x10000};
  if (value < least[size - 1] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
    return std::nullopt;
  }
  text.remove_prefix(size);
  return value;
}

/// Whether a terminal or a page does something else with it than show it in its place: control
/// characters, line and paragraph separators, marks that turn the text around, and tags.
inline bool is_harmful(std::uint32_t code_point) {
  const auto within = [&](std::uint32_t first, std::uint32_t last) {
    return code_point >= first && code_point <= last;
  };
  return within(0, 0x1F) || within(0x7F, 0x9F) || code_point == 0x061C || within(0x200E, 0x200F) ||
         within(0x2028, 0x202E) || within(0x2066, 0x2069) || code_point == 0xFEFF ||
         within(0xE0000, 0xE007F);
}

/// One line of UTF-8 that shows all that it says.
inline void require_shown(std::string_view line) {
  while (!line.empty()) {
    const auto code_point = take_code_point(line);
    require(code_point.has_value(), "what is shown is UTF-8");
    require(!is_harmful(*code_point), "what is shown does nothing to a terminal or a page");
  }
}

}  // namespace memory_exporter::fuzz
