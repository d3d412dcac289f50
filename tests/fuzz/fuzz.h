#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace memory_exporter::fuzz {

/// Ends the run with this input where something that must hold does not.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// libFuzzer gives a heap block of exactly this size, so that a byte read beyond it is found.
inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Whether a view that a parser returned points into the text it was given.
inline bool lies_within(std::string_view part, std::string_view text) {
  return part.data() >= text.data() && part.data() + part.size() <= text.data() + text.size();
}

/// Whether the text stops before the end of a line: a number in it may be cut short, and would pass
/// for a smaller one.
inline bool is_cut_short(std::string_view text) {
  return !text.empty() && text.back() != '\n';
}

}  // namespace memory_exporter::fuzz
