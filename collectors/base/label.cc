#include "collectors/base/label.h"

#include <cstdint>

#include "collectors/base/utf8.h"

namespace memory_exporter {
namespace {

/// FNV-1a, 64 bits: short, and the same everywhere, which std::hash does not promise.
std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char byte : bytes) {
    hash ^= static_cast<unsigned char>(byte);
    hash *= 0x100000001b3u;
  }
  return hash;
}

}  // namespace

std::string valid_label(std::string_view bytes) {
  std::string label;
  // Repair never shortens, so what lies beyond the limit cannot come to lie within it.
  append_valid_utf8(label, bytes.substr(0, max_label_size));
  if (label.size() <= max_label_size && bytes.size() <= max_label_size) return label;

  constexpr std::size_t hash_digits = 16;
  auto cut = max_label_size - hash_digits - 1;
  while ((static_cast<unsigned char>(label[cut]) & 0xC0) == 0x80) --cut;
  label.resize(cut);
  label += '~';
  const auto hash = fnv1a(bytes);
  for (std::size_t digit = hash_digits; digit-- > 0;) {
    label += "0123456789abcdef"[(hash >> (4 * digit)) & 0xF];
  }
  return label;
}

}  // namespace memory_exporter
