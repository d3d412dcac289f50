#include "collectors/procfs/maps.h"

#include <array>

namespace memory_exporter::procfs {
namespace {

/// The small steps of the line's fixed form; each takes its part off the front or says no.

bool take_char(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

/// One of two characters, as the permissions are printed: `set` or `clear`.
bool take_flag(std::string_view& text, char set, char clear, bool& flag) {
  if (text.empty() || (text.front() != set && text.front() != clear)) return false;
  flag = text.front() == set;
  text.remove_prefix(1);
  return true;
}

constexpr std::uint8_t no_digit = 16;

/// What each character stands for as a hexadecimal digit.
constexpr auto hex_digits = [] {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(no_digit);
  for (std::uint8_t value = 0; value < 10; ++value) digits['0' + value] = value;
  for (std::uint8_t value = 10; value < 16; ++value) {
    digits['a' + value - 10] = digits['A' + value - 10] = value;
  }
  return digits;
}();

/// Half of a line is hexadecimal, and std::from_chars makes the whole line a sixth dearer.
template <std::unsigned_integral T>
bool take_hex(std::string_view& text, T& value) {
  constexpr int top_digit = 8 * sizeof(T) - 4;
  T sum = 0;
  std::size_t length = 0;
  for (; length < text.size(); ++length) {
    const auto digit = hex_digits[static_cast<unsigned char>(text[length])];
    if (digit == no_digit) break;
    if (sum >> top_digit != 0) return false;
    sum = static_cast<T>(sum << 4 | digit);
  }
  text.remove_prefix(length);
  value = sum;
  return length > 0;
}

bool take_permissions(std::string_view& text, Vma& vma) {
  return take_flag(text, 'r', '-', vma.readable) && take_flag(text, 'w', '-', vma.writable) &&
         take_flag(text, 'x', '-', vma.executable) && take_flag(text, 's', 'p', vma.shared);
}

bool take_inode(std::string_view& text, std::uint64_t& inode) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), inode);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  return text.empty() || text.front() == ' ';
}

}  // namespace

bool parse_vma(std::string_view line, Vma& vma) {
  const bool well_formed =
      take_hex(line, vma.start) && take_char(line, '-') && take_hex(line, vma.end) &&
      take_char(line, ' ') && take_permissions(line, vma) && take_char(line, ' ') &&
      take_hex(line, vma.offset) && take_char(line, ' ') && take_hex(line, vma.device_major) &&
      take_char(line, ':') && take_hex(line, vma.device_minor) && take_char(line, ' ') &&
      take_inode(line, vma.inode);
  if (!well_formed || vma.end <= vma.start) return false;
  skip_blanks(line);
  vma.path = line;
  return true;
}

}  // namespace memory_exporter::procfs
