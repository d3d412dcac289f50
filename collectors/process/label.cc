#include "collectors/process/label.h"

#include <cstdint>
#include <cstring>

namespace memory_exporter::process {
namespace {

/// How many bytes of ASCII `text` starts with, looking at eight together: nearly every label is
/// ASCII from end to end.
std::size_t ascii_prefix(std::string_view text) {
  constexpr std::uint64_t high_bits = 0x8080808080808080u;
  std::size_t n = 0;
  for (std::uint64_t word; n + sizeof word <= text.size(); n += sizeof word) {
    std::memcpy(&word, text.data() + n, sizeof word);
    if ((word & high_bits) != 0) break;
  }
  while (n < text.size() && static_cast<unsigned char>(text[n]) < 0x80) ++n;
  return n;
}

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

Utf8Front utf8_front(std::string_view text) {
  if (text.empty()) return {0, false};
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto lead = byte(0);
  if (lead < 0x80) return {1, true};

  std::size_t size = 0;
  // The second byte's range is what keeps overlong forms, surrogates and too large values out.
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    size = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    size = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    size = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return {1, false};
  }
  for (std::size_t i = 1; i < size; ++i) {
    if (i >= text.size() || byte(i) < low || byte(i) > high) return {i, false};
    low = 0x80;
    high = 0xBF;
  }
  return {size, true};
}

void append_valid_utf8(std::string& out, std::string_view bytes) {
  std::size_t run = 0;  // of valid text, not yet appended
  while (true) {
    run += ascii_prefix(bytes.substr(run));
    if (run == bytes.size()) break;
    const auto front = utf8_front(bytes.substr(run));
    if (front.valid) {
      run += front.size;
      continue;
    }
    out.append(bytes.substr(0, run));
    out.append(replacement_character);
    bytes.remove_prefix(run + front.size);
    run = 0;
  }
  out.append(bytes);
}

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

}  // namespace memory_exporter::process
