#include "collectors/procfs/maps.h"

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

template <std::unsigned_integral T>
bool take_hex(std::string_view& text, T& value) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  return true;
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
