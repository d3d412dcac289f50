#include "collectors/base/printable.h"

#include <algorithm>
#include <array>

#include "collectors/base/utf8.h"

namespace memory_exporter {
namespace {

struct Range {
  char32_t first;
  char32_t last;
};

/// Of the Unicode categories Cc, Cf, Zl and Zp what does not show itself, and the noncharacters of
/// the first plane.
constexpr std::array<Range, 11> unprintable = {{
    {0x00, 0x1F},
    {0x7F, 0x9F},
    {0xAD, 0xAD},        // soft hyphen
    {0x061C, 0x061C},    // Arabic letter mark
    {0x180E, 0x180E},    // Mongolian vowel separator
    {0x200B, 0x200F},    // zero width, left-to-right and right-to-left marks
    {0x2028, 0x202E},    // line and paragraph separators, embeddings and overrides
    {0x2060, 0x206F},    // word joiner, isolates
    {0xFEFF, 0xFEFF},    // zero width no-break space
    {0xFFF9, 0xFFFF},    // annotations, object replacement; U+FFFD is let through below
    {0xE0000, 0xE0FFF},  // tags
}};
constexpr char32_t replacement = 0xFFFD;

char32_t value_of(std::string_view code_point) {
  const auto lead = static_cast<unsigned char>(code_point.front());
  if (code_point.size() == 1) return lead;
  // The lead byte keeps 5, 4 or 3 bits, each that follows 6.
  char32_t value = lead & (0x7Fu >> code_point.size());
  for (const char c : code_point.substr(1)) value = value << 6 | (static_cast<unsigned>(c) & 0x3F);
  return value;
}

void append_unit(std::string& out, char32_t unit) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += "\\u";
  for (const int shift : {12, 8, 4, 0}) out += digits[(unit >> shift) & 0xF];
}

}  // namespace

bool is_printable(std::string_view code_point) {
  const auto value = value_of(code_point);
  if (value == replacement) return true;
  return std::none_of(unprintable.begin(), unprintable.end(), [value](const Range& range) {
    return value >= range.first && value <= range.last;
  });
}

void append_escaped(std::string& out, std::string_view code_point) {
  const auto value = value_of(code_point);
  if (value <= 0xFFFF) return append_unit(out, value);
  append_unit(out, 0xD800 + ((value - 0x10000) >> 10));
  append_unit(out, 0xDC00 + ((value - 0x10000) & 0x3FF));
}

std::string printable(std::string_view bytes, std::size_t most) {
  constexpr std::string_view ellipsis = "...";
  std::string out;
  std::size_t cut = 0;  // where the ellipsis would go
  while (!bytes.empty()) {
    const auto front = utf8_front(bytes);
    const auto code_point = bytes.substr(0, front.size);
    if (!front.valid) {
      out += replacement_character;
    } else if (is_printable(code_point)) {
      out += code_point;
    } else {
      append_escaped(out, code_point);
    }
    if (out.size() > most) {
      out.resize(cut);
      out += ellipsis;
      return out;
    }
    if (most - out.size() >= ellipsis.size()) cut = out.size();
    bytes.remove_prefix(front.size);
  }
  return out;
}

std::string in_quotes(std::string_view value) {
  constexpr std::size_t most = 80;
  return '"' + printable(value, most) + '"';
}

std::string printable_lines(std::string_view text) {
  std::string out;
  while (true) {
    const auto end = text.find('\n');
    out += printable(text.substr(0, end), std::string::npos);
    if (end == std::string_view::npos) return out;
    out += '\n';
    text.remove_prefix(end + 1);
  }
}

}  // namespace memory_exporter
