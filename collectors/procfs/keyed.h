#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "collectors/base/bytes.h"
#include "collectors/base/result.h"
#include "collectors/base/text.h"
#include "collectors/procfs/parsed.h"
#include "collectors/procfs/plausible.h"

namespace memory_exporter::procfs {

/// Reads "   123 kB", the whole of `text`, into `amount`; false for any other form: the unit is
/// part of it, and a figure without one is not guessed at. An amount above `most`, which no machine
/// can hold, leaves `amount` absent.
inline bool read_kib(std::string_view text, OptionalBytes& amount, Bytes most = most_memory) {
  const auto kib = take_number(text);
  if (!kib || take_word(text) != "kB" || !take_word(text).empty()) return false;
  if (const auto known = plausible_kib(*kib, most)) amount = known;
  return true;
}

/// Calls `visit(key, value, line_number)` for every "Key:value" line of a text in the form of
/// /proc/PID/status and smaps_rollup; lines without a colon are passed over. `visit` returns false
/// where nothing of the text is of use without this value, which does not have its form: that ends
/// the walk as malformed. So does a last line without its newline: the kernel ends every line, so
/// such a text was cut short and its last figure may have lost digits.
template <typename Visit>
Status for_each_keyed_line(std::string_view text, Visit&& visit) {
  if (ends_within_line(text)) return malformed("the last line is cut short");
  for (int number = 1; !text.empty(); ++number) {
    const auto line = take_line(text);
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto key = line.substr(0, colon);
    if (!visit(key, line.substr(colon + 1), number)) {
      return malformed("unexpected value of " + std::string(key), number);
    }
  }
  return Done{};
}

/// The same where a line of another form is skipped instead: one that `visit` returns false for.
template <typename Visit>
Skipped for_each_key(std::string_view text, Visit&& visit) {
  return for_each_line(text, "\"Key: value\" with a value of the kernel's form",
                       [&](std::string_view line) {
                         const auto colon = line.find(':');
                         return colon == std::string_view::npos ||
                                visit(line.substr(0, colon), line.substr(colon + 1));
                       });
}

/// Finds table rows by their `key`. The kernel prints keys in a fixed order, so the search starts
/// after the last row found and a table in that order is matched in one comparison a line.
template <typename Row>
class KeyedRows {
 public:
  explicit constexpr KeyedRows(std::span<const Row> rows) : rows_(rows) {}

  const Row* find(std::string_view key) {
    const Row* row = find_between(key, next_, rows_.size());
    return row != nullptr ? row : find_between(key, 0, next_);
  }

 private:
  const Row* find_between(std::string_view key, std::size_t first, std::size_t last) {
    for (; first < last; ++first) {
      if (rows_[first].key == key) {
        next_ = first + 1;
        return &rows_[first];
      }
    }
    return nullptr;
  }

  std::span<const Row> rows_;
  std::size_t next_ = 0;
};

}  // namespace memory_exporter::procfs
