#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace memory_exporter {

/// U+FFFD in UTF-8: what stands for bytes that are no text.
inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

/// What a text starts with.
struct Utf8Front {
  std::size_t size;  ///< bytes to take; 0 only for an empty text
  bool valid;        ///< one code point; else the maximal subpart of one, or a stray byte
};

/// Looks at the front of `text`: well-formed sequences are those of the Unicode standard's table
/// 3-7 (no surrogates, no overlong forms, nothing above U+10FFFF), and what is not well formed ends
/// where its practice of "substitution of maximal subparts" says. Every browser and codec that
/// follows it replaces the same bytes.
Utf8Front utf8_front(std::string_view text);

/// Appends `bytes`, each ill-formed part as U+FFFD. Text that needs no repair is one append; about
/// 1 ns for 8 bytes of ASCII. The appended part is never shorter than `bytes`.
void append_valid_utf8(std::string& out, std::string_view bytes);

}  // namespace memory_exporter
