#include "collectors/procfs/smaps.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

#include "collectors/procfs/keyed.h"
#include "collectors/procfs/smaps_fields.h"

namespace memory_exporter::procfs {
namespace {

/// A smaps is some 25 lines a VMA, nearly all of the form
///
///     Rss:                   8 kB\n
///     |- key, 16 -----||- 8 -|
///
/// 28 bytes, until a figure needs more than eight digits, and most figures are 0. Lines of that
/// form are compared as a few words, without looking for their ends: 0.1 us a VMA instead of 0.6.
constexpr std::size_t digits = 8;
constexpr std::size_t plain_line = SmapsField::width + digits + 4;
constexpr std::string_view zero = "       0";
constexpr std::string_view unit = " kB\n";

/// What the kernel prints where the figure is 0.
using ZeroLine = std::array<char, plain_line>;

constexpr auto zero_lines = [] {
  std::array<ZeroLine, std::size(smaps_fields)> lines{};
  for (std::size_t i = 0; i < lines.size(); ++i) {
    auto& line = lines[i];
    line.fill(' ');
    auto* at = std::copy(smaps_fields[i].key.begin(), smaps_fields[i].key.end(), line.begin());
    *at = ':';
    at = std::copy(zero.begin(), zero.end(), line.begin() + SmapsField::width);
    std::copy(unit.begin(), unit.end(), at);
  }
  return lines;
}();

/// Whether as many bytes are equal; compilers make words of a fixed size.
template <std::size_t size>
bool equal(const char* a, const char* b) {
  return std::memcmp(a, b, size) == 0;
}

/// Eight characters: blanks, then digits.
std::optional<std::uint64_t> right_aligned(const char* text) {
  std::size_t at = 0;
  while (at < digits && text[at] == ' ') ++at;
  if (at == digits) return std::nullopt;
  std::uint64_t value = 0;
  for (; at < digits; ++at) {
    const auto digit = static_cast<unsigned char>(text[at] - '0');
    if (digit > 9) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

/// Matches the lines of one entry with smaps_fields, each search starting behind the last match.
class EntryFields {
 public:
  EntryFields(SmapsRollup& memory, SmapsFieldSet& unknown) : memory_(memory), unknown_(unknown) {}

  /// Takes the line at the front of `text` where it is a plain one of a field that is still to
  /// come.
  bool take_plain(std::string_view& text) {
    if (text.size() < plain_line) return false;
    const char* line = text.data();
    for (auto at = next_; at < zero_lines.size(); ++at) {
      if (!equal<SmapsField::width>(line, zero_lines[at].data())) continue;
      const auto kib = figure(line, zero_lines[at]);
      if (!kib) return false;
      next_ = at + 1;
      const auto member = smaps_fields[at].member;
      if (member != nullptr) memory_.*member = Bytes::from_kib(*kib);
      text.remove_prefix(plain_line);
      return true;
    }
    return false;
  }

  /// Any other line, without its newline.
  bool read(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    for (const auto& field : smaps_fields) {
      if (field.key != line.substr(0, colon)) continue;
      if (field.member == nullptr) return true;
      OptionalBytes amount;
      if (!read_kib(line.substr(colon + 1), amount)) return false;
      memory_.*field.member = amount;
      unknown_.set(static_cast<std::size_t>(&field - smaps_fields), !amount);
      return true;
    }
    return true;
  }

 private:
  /// The figure is read of a field too that nobody needs. A line without a number there may end
  /// before plain_line, and a part of the next one would be passed.
  static std::optional<std::uint64_t> figure(const char* line, const ZeroLine& zero_line) {
    constexpr auto behind = SmapsField::width;
    if (equal<plain_line - behind>(line + behind, zero_line.data() + behind)) return 0;
    if (!equal<unit.size()>(line + behind + digits, unit.data())) return std::nullopt;
    return right_aligned(line + behind);
  }

  SmapsRollup& memory_;
  SmapsFieldSet& unknown_;
  std::size_t next_ = 0;
};

/// An entry begins with an address in lower case; every key begins with a capital letter.
bool begins_entry(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

std::string_view trimmed(std::string_view text) {
  skip_blanks(text);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

SmapsParser::Taken SmapsParser::take_entry(std::string_view& text, bool last) {
  constexpr std::string_view flags_key = "VmFlags:";
  auto rest = text;
  int line_number = line_ + 1;
  const auto refuse = [&] {
    line_ = line_number;
    return Taken::malformed;
  };
  const auto unfinished = [&] { return last ? refuse() : Taken::part; };

  auto newline = rest.find('\n');
  if (newline == std::string_view::npos) return unfinished();
  if (!parse_vma(rest.substr(0, newline), entry_.vma)) return refuse();
  rest.remove_prefix(newline + 1);
  entry_.memory = {};
  entry_.flags = {};
  entry_.unknown = {};

  EntryFields fields(entry_.memory, entry_.unknown);
  while (!rest.empty() && !begins_entry(rest.front())) {
    ++line_number;
    if (fields.take_plain(rest)) continue;
    newline = rest.find('\n');
    if (newline == std::string_view::npos) return unfinished();
    const auto line = rest.substr(0, newline);
    if (line.starts_with(flags_key)) {
      entry_.flags = trimmed(line.substr(flags_key.size()));
    } else if (!fields.read(line)) {
      return refuse();
    }
    rest.remove_prefix(newline + 1);
  }
  // Only what follows an entry tells that it is whole.
  if (rest.empty() && !last) return Taken::part;
  text = rest;
  line_ = line_number;
  return Taken::entry;
}

}  // namespace memory_exporter::procfs
