// The tools that all parsers are made of, against slow readings of the same text.
#include "collectors/base/text.h"

#include <limits>
#include <sstream>
#include <string>
#include <type_traits>
#include <vector>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

namespace {

/// Words between blanks and tabs, one character after the other.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c != ' ' && c != '\t') {
      words.back() += c;
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  std::istringstream stream{std::string(text)};
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// A decimal number by school's rule, in more digits than any type has; nothing where it does not
/// fit between the two.
template <typename T>
std::optional<T> slow_number(std::string_view text) {
  const bool negative = std::is_signed_v<T> && text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  unsigned __int128 value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > UINT64_MAX) return std::nullopt;
  }
  const auto most = static_cast<unsigned __int128>(std::numeric_limits<T>::max());
  if (value > most + (negative ? 1 : 0)) return std::nullopt;
  const auto number = static_cast<__int128>(value);
  return static_cast<T>(negative ? -number : number);
}

template <typename T>
void require_same_number(const std::string& word) {
  const auto expected = slow_number<T>(word);
  fuzz::require(to_number<T>(word) == expected, "a number is what its digits say");
  std::string_view rest = word;
  const auto taken = take_number<T>(rest);
  const auto took = word.substr(0, word.size() - rest.size());
  fuzz::require(!expected || taken == expected, "a whole number can be taken");
  if (!taken) {
    fuzz::require(rest.size() == word.size(), "no number, nothing taken");
    return;
  }
  fuzz::require(slow_number<T>(took) == taken, "what is taken is the number");
  fuzz::require(rest.empty() || rest.front() < '0' || rest.front() > '9', "all digits are taken");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  fuzz::require(ends_within_line(text) == fuzz::is_cut_short(text), "a cut is seen");
  auto rest = text;
  for (const auto& expected : lines_of(text)) {
    auto line = take_line(rest);
    fuzz::require(line == expected, "a line ends at its newline");
    for (const auto& word : words_of(expected)) {
      fuzz::require(take_word(line) == word, "a word ends at a blank");
      require_same_number<std::uint64_t>(word);
      require_same_number<std::int64_t>(word);
      require_same_number<std::int32_t>(word);
      require_same_number<std::uint16_t>(word);
    }
    fuzz::require(take_word(line).empty(), "there are no more words than there are");
  }
  fuzz::require(rest.empty() && take_line(rest).empty(), "there are no more lines than there are");
  return 0;
}
