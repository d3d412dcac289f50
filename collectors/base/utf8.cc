#include "collectors/base/utf8.h"

#include <cstdint>
#include <cstring>

namespace memory_exporter {
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

}  // namespace memory_exporter
