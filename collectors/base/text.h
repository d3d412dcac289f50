#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>

namespace memory_exporter {

/// The small tools every parser is made of. They look at a string_view and move its front on; none
/// allocates, and none reads past the end.

/// Takes the text up to the next newline off the front, without it. At the end: the rest.
constexpr std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const auto line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

/// Whether the last line lacks its newline. The kernel ends every line, so such a text was cut off,
/// and a number at its end may have lost digits.
constexpr bool ends_within_line(std::string_view text) {
  return !text.empty() && text.back() != '\n';
}

constexpr void skip_blanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

/// Takes the next run of non-blanks off the front (empty at the end).
constexpr std::string_view take_word(std::string_view& text) {
  skip_blanks(text);
  std::size_t n = 0;
  while (n < text.size() && text[n] != ' ' && text[n] != '\t') ++n;
  const auto word = text.substr(0, n);
  text.remove_prefix(n);
  return word;
}

/// The whole of `text` as a decimal number; nothing for anything else, an overflow included.
template <std::integral T = std::uint64_t>
std::optional<T> to_number(std::string_view text) {
  T value{};
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

/// Takes one number off the front, leading blanks skipped; nothing when there is none or it
/// overflows.
template <std::integral T = std::uint64_t>
std::optional<T> take_number(std::string_view& text) {
  skip_blanks(text);
  T value{};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  return value;
}

}  // namespace memory_exporter
