#include "collectors/sysfs_list.h"

#include <algorithm>

#include "collectors/base/text.h"

namespace memory_exporter {

Result<std::vector<std::string>> list_if_present(const procfs::Tree& tree,
                                                 const std::string& folder) {
  auto names = tree.list(folder.c_str());
  if (!names) {
    if (names.error().kind == ErrorKind::vanished) return std::vector<std::string>();
    return names.error();
  }
  std::sort(names->begin(), names->end());
  return names;
}

Result<std::vector<std::uint64_t>> list_numbered(const procfs::Tree& tree,
                                                 const std::string& folder, std::string_view prefix,
                                                 std::string_view suffix) {
  const auto names = list_if_present(tree, folder);
  if (!names) return names.error();
  std::vector<std::uint64_t> numbers;
  for (const std::string_view name : *names) {
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
