#include "collectors/procfs/smaps.h"

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
/// 28 bytes, until a figure needs more than eight digits. Lines of that form are compared as two
/// words and a few digits, without looking for their ends: 0.15 us a VMA instead of 0.6.
constexpr std::size_t digits = 8;
constexpr std::size_t plain_line = SmapsField::width + digits + 4;

using PaddedKey = std::array<char, SmapsField::width>;

constexpr auto padded_keys = [] {
  std::array<PaddedKey, std::size(smaps_fields)> keys{};
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const auto key = smaps_fields[i].key;
    for (std::size_t at = 0; at < keys[i].size(); ++at) {
      keys[i][at] = at < key.size() ? key[at] : at == key.size() ? ':' : ' ';
    }
  }
  return keys;
}();

bool is_plain(std::string_view text) {
  return text.size() >= plain_line &&
         std::memcmp(text.data() + SmapsField::width + digits, " kB\n", 4) == 0;
}

/// Eight characters: blanks, then digits.
std::optional<std::uint64_t> right_aligned(const char* text) {
  if (std::memcmp(text, "       0", digits) == 0) return 0;
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
  explicit EntryFields(SmapsRollup& memory) : memory_(memory) {}

  /// The field that a line for which is_plain() holds begins with, or null.
  const SmapsField* match(const char* line) {
    for (auto at = next_; at < padded_keys.size(); ++at) {
      if (std::memcmp(line, padded_keys[at].data(), SmapsField::width) == 0) {
        next_ = at + 1;
        return &smaps_fields[at];
      }
    }
    return nullptr;
  }

  /// Reads the figure of that line; false where it is no number. One of no use is looked at too:
  /// without a number there, the line may end before plain_line.
  bool read_plain(const SmapsField& field, const char* line) {
    const auto kib = right_aligned(line + SmapsField::width);
    if (kib && field.member != nullptr) memory_.*field.member = Bytes::from_kib(*kib);
    return kib.has_value();
  }

  /// Any other line, without its newline.
  bool read(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    for (const auto& field : smaps_fields) {
      if (field.key != line.substr(0, colon)) continue;
      return field.member == nullptr || read_kib(line.substr(colon + 1), memory_.*field.member);
    }
    return true;
  }

 private:
  SmapsRollup& memory_;
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

  EntryFields fields(entry_.memory);
  while (!rest.empty() && !begins_entry(rest.front())) {
    ++line_number;
    const auto* field = is_plain(rest) ? fields.match(rest.data()) : nullptr;
    if (field != nullptr && fields.read_plain(*field, rest.data())) {
      rest.remove_prefix(plain_line);
      continue;
    }
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
