#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/result.h"

namespace memory_exporter::config {

/// Where something stands in a text: from 1, columns in bytes.
struct Place {
  int line = 0;
  int column = 0;
};

/// What a YAML text says, as plain data.
struct Node {
  enum class Kind {
    empty,   ///< nothing, null or ~
    scalar,  ///< one value
    list,
    block,  ///< keys with a value each
  };

  Kind kind = Kind::empty;
  Place place;
  std::string text;         ///< of a scalar
  std::vector<Node> items;  ///< of a list; the values of a block
  std::vector<Node> keys;   ///< of a block, one for each item
};

/// What a text may have: far above any real configuration, and little enough that no text takes
/// more than 25 MB and half a second. yaml-cpp reads on to the end of a list in brackets before it
/// gives out the first of its values, at 250 bytes for each sign, so the signs are counted before.
inline constexpr int most_nested = 32;
inline constexpr std::size_t most_values = 10'000;  ///< keys, values, lists and blocks together
inline constexpr std::size_t most_signs = 50'000;   ///< [ ] { } , : ? & * ! and quotes
inline constexpr std::size_t largest_value = 16 * 1024;

/// Reads one document of YAML in UTF-8 (with a byte order mark or without, and any end of line). An
/// empty text is an empty node. The error has the line and the column, and names the key that was
/// being read. Refused besides what is no YAML: control characters, a second document, anchors,
/// aliases and tags, and what is beyond the bounds above. No exception leaves this function.
Result<Node> read_yaml(std::string_view text);

/// `pss.wait` of `pss` and `wait`; the key alone where there is no block around it.
std::string key_in(std::string_view block, std::string_view key);

}  // namespace memory_exporter::config
