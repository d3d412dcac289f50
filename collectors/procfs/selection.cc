#include "collectors/procfs/selection.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "collectors/base/label.h"
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
    auto choice = valid_label(word);
    if (std::find(selection.choices.begin(), selection.choices.end(), choice) !=
        selection.choices.end()) {
      return malformed("a choice stands there twice", 1);
    }
    selection.choices.push_back(std::move(choice));
  }
  if (!chosen || !text.empty()) return malformed("expected a line with a choice in brackets", 1);
  selection.chosen = *chosen;
  return selection;
}

}  // namespace memory_exporter::procfs
