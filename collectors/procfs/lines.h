#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "collectors/base/result.h"

namespace memory_exporter::procfs {

/// Takes the whole lines off the front of a piece of a file, calls `take(line)` for each, without
/// its newline, and returns their bytes; the rest belongs in front of the next piece. `number`
/// counts the lines of the file, from 0. Malformed, with its line, where `take` returns false (the
/// message is `expected`), and where a rest is left and nothing follows (`last`).
template <typename Take>
Result<std::size_t> take_whole_lines(std::string_view text, bool last, int& number,
                                     const char* expected, Take&& take) {
  auto rest = text;
  while (true) {
    const auto newline = rest.find('\n');
    if (newline == std::string_view::npos) break;
    ++number;
    if (!take(rest.substr(0, newline))) return malformed(expected, number);
    rest.remove_prefix(newline + 1);
  }
  if (last && !rest.empty()) return malformed("the last line is cut short", number + 1);
  return text.size() - rest.size();
}

}  // namespace memory_exporter::procfs
