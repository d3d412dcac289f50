#include "collectors/procfs/selection.h"

#include <algorithm>
#include <optional>

#include "collectors/base/text.h"

namespace memory_exporter::procfs {

Result<Selection> parse_selection(std::string_view text) {
  if (ends_within_line(text)) return malformed("the last line is cut short");
  Selection selection;
  std::optional<std::size_t> chosen;
  auto line = take_line(text);
  for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
    if (word.size() > 2 && word.front() == '[' && word.back() == ']') {
      if (chosen) return malformed("more than one choice in brackets", 1);
      chosen = selection.choices.size();
      word = word.substr(1, word.size() - 2);
    }
    if (std::find(selection.choices.begin(), selection.choices.end(), word) !=
        selection.choices.end()) {
      return malformed("a choice stands there twice", 1);
    }
    selection.choices.emplace_back(word);
  }
  if (!chosen || !text.empty()) return malformed("expected a line with a choice in brackets", 1);
  selection.chosen = *chosen;
  return selection;
}

}  // namespace memory_exporter::procfs
