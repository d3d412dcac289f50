#include "collectors/sysfs_list.h"

#include <algorithm>
#include <utility>

#include "collectors/base/text.h"

namespace memory_exporter {

std::vector<std::string> list_names(const procfs::Tree& tree, const FileName& folder,
                                    ReadErrors& errors) {
  auto names = tree.list(folder.path.c_str());
  if (!names) {
    errors.add(folder.label, names.error());
    return {};
  }
  std::sort(names->begin(), names->end());
  return std::move(*names);
}

std::vector<std::uint64_t> list_numbered(const procfs::Tree& tree, const FileName& folder,
                                         std::string_view prefix, std::string_view suffix,
                                         ReadErrors& errors) {
  std::vector<std::uint64_t> numbers;
  for (const std::string_view name : list_names(tree, folder, errors)) {
    if (!name.starts_with(prefix) || !name.ends_with(suffix) ||
        name.size() <= prefix.size() + suffix.size()) {
      continue;
    }
    const auto digits = name.substr(prefix.size(), name.size() - prefix.size() - suffix.size());
    if (const auto number = to_number(digits)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace memory_exporter
