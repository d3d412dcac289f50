#include "collectors/base/label.h"

#include <algorithm>
#include <cstdint>

#include "collectors/base/siphash.h"
#include "collectors/base/utf8.h"

namespace memory_exporter {
namespace {

constexpr std::size_t hash_digits = 16;
constexpr std::size_t suffix_size = 1 + hash_digits;

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// Whether it could be taken for a name that was hashed.
bool ends_in_suffix(std::string_view name) {
  if (name.size() < suffix_size) return false;
  const auto suffix = name.substr(name.size() - suffix_size);
  return suffix.front() == '~' && std::all_of(suffix.begin() + 1, suffix.end(), is_hex_digit);
}

/// Cuts to at most `size` bytes, between code points.
void cut(std::string& text, std::size_t size) {
  if (text.size() <= size) return;
  while ((static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  text.resize(size);
}

void append_suffix(std::string& label, std::string_view bytes) {
  const auto hash = siphash(bytes);
  label += '~';
  for (std::size_t digit = hash_digits; digit-- > 0;) {
    label += "0123456789abcdef"[(hash >> (4 * digit)) & 0xF];
  }
}

}  // namespace

std::string valid_label(std::string_view bytes) {
  std::string label;
  // Repair never shortens, so what lies beyond the limit cannot come to lie within it.
  append_valid_utf8(label, bytes.substr(0, max_label_size));
  if (label == bytes && !ends_in_suffix(bytes)) return label;
  cut(label, max_label_size - suffix_size);
  append_suffix(label, bytes);
  return label;
}

}  // namespace memory_exporter
