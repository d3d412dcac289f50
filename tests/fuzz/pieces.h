#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "collectors/base/result.h"
#include "tests/fuzz/fuzz.h"

namespace memory_exporter::fuzz {

/// Everything that a parser visited, as text, and whether it got to the end.
struct Visited {
  std::string entries;
  bool ok = false;

  bool operator==(const Visited&) const = default;
};

/// Feeds `text` to a parser that takes it piece by piece, `piece` bytes at a time, each piece
/// behind what was left of those before. `describe` gives an entry as text.
template <typename Parser, typename Describe>
Visited parse_in_pieces(std::string_view text, std::size_t piece, Describe&& describe) {
  Visited visited;
  Parser parser;
  std::size_t start = 0;
  std::size_t end = 0;
  do {
    end = std::min(end + piece, text.size());
    // A copy of its own, so that a view kept from one piece to the next is found.
    const std::string window(text.substr(start, end - start));
    const auto taken = parser.parse(window, end == text.size(), [&](const auto& entry) {
      visited.entries += describe(entry, std::string_view(window)) + "\n";
    });
    if (!taken) return visited;
    require(*taken <= window.size(), "no more is taken than there is");
    start += *taken;
  } while (end < text.size());
  require(start == text.size(), "all is taken");
  visited.ok = true;
  return visited;
}

/// Holds the visits of a text in pieces against those of the text as a whole.
template <typename Parser, typename Describe>
void require_same_in_pieces(const std::uint8_t* data, std::size_t size, Describe&& describe) {
  if (size == 0) return;
  const std::size_t piece = data[0] + 1u;
  const auto text = as_text(data + 1, size - 1);
  const auto whole = parse_in_pieces<Parser>(text, text.size() + 1, describe);
  const auto pieces = parse_in_pieces<Parser>(text, piece, describe);
  require(whole == pieces, "a text in pieces is as good as a whole one");
}

}  // namespace memory_exporter::fuzz
