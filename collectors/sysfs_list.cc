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

std::optional<std::uint64_t> number_between(std::string_view name, std::string_view prefix,
                                            std::string_view suffix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  if (!name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  // As the kernel writes it: with a 0 in front it would be another name of the same number.
  if (name.size() > 1 && name.front() == '0') return std::nullopt;
  return to_number(name);
}

std::vector<std::uint64_t> list_numbered(const procfs::Tree& tree, const FileName& folder,
                                         std::string_view prefix, std::string_view suffix,
                                         ReadErrors& errors) {
  std::vector<std::uint64_t> numbers;
  for (const std::string_view name : list_names(tree, folder, errors)) {
    if (const auto number = number_between(name, prefix, suffix)) numbers.push_back(*number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

}  // namespace memory_exporter
