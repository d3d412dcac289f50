#pragma once

#include <fstream>
#include <istream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/result.h"

namespace memory_exporter::docs {

/// One row of a table in a page.
struct Row {
  std::vector<std::string> names;  ///< what the first cell has in backticks
  std::vector<std::string> cells;  ///< all of them, blanks around them removed
};

/// What a text has in backticks.
inline std::vector<std::string> code_spans(std::string_view text) {
  std::vector<std::string> spans;
  while (true) {
    const auto open = text.find('`');
    const auto close = text.find('`', open + 1);
    if (open == std::string_view::npos || close == std::string_view::npos) return spans;
    spans.emplace_back(text.substr(open + 1, close - open - 1));
    text.remove_prefix(close + 1);
  }
}

/// The cells of "| a | b |". A `\|` inside a cell is not known here: the pages do without.
inline std::vector<std::string> split_row(std::string_view line) {
  std::vector<std::string> cells;
  while (true) {
    line.remove_prefix(1);
    const auto end = line.find('|');
    if (end == std::string_view::npos) return cells;
    auto cell = line.substr(0, end);
    while (cell.starts_with(' ')) cell.remove_prefix(1);
    while (cell.ends_with(' ')) cell.remove_suffix(1);
    cells.emplace_back(cell);
    line.remove_prefix(end);
  }
}

/// The rows of a page's tables whose first cell begins with a backtick, by section: a section is
/// what follows "## ".
inline std::map<std::string, std::vector<Row>> read_tables(std::istream& page) {
  std::map<std::string, std::vector<Row>> sections;
  std::string section;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) {
      section = line.substr(3);
    } else if (line.starts_with("| `")) {
      auto cells = split_row(line);
      sections[section].push_back({code_spans(cells.front()), cells});
    }
  }
  return sections;
}

/// The same of a page in docs/.
inline Result<std::map<std::string, std::vector<Row>>> read_page(const std::string& name) {
  const auto path = MEMORY_EXPORTER_SOURCE_DIR "/docs/" + name;
  std::ifstream page(path);
  if (!page) return Error{ErrorKind::vanished, "cannot be read", path};
  return read_tables(page);
}

/// What is in `all` and not in `some`: a short answer where two long lists differ.
inline std::set<std::string> without(std::set<std::string> all, const std::set<std::string>& some) {
  std::erase_if(all, [&](const std::string& name) { return some.contains(name); });
  return all;
}

}  // namespace memory_exporter::docs
