#include "collectors/process/facts/dimension.h"

#include <algorithm>
#include <array>

#include "collectors/base/label.h"
#include "collectors/process/facts/process.h"

namespace memory_exporter::process {
namespace {

constexpr std::array table = {
    Dimension{.name = "name",
              .value = [](const Process& process) { return valid_label(process.image.comm); }},
    Dimension{.name = "cgroup",
              .needs_cgroup = true,
              .value =
                  [](const Process& process) {
                    return process.cgroup ? *process.cgroup : std::string();
                  }},
};

}  // namespace

std::span<const Dimension> dimensions() {
  return table;
}

const Dimension* dimension_named(std::string_view name) {
  const auto at = std::find_if(table.begin(), table.end(),
                               [&](const Dimension& dimension) { return dimension.name == name; });
  return at == table.end() ? nullptr : &*at;
}

GroupBy default_group_by() {
  return {dimension_named("name"), dimension_named("cgroup")};
}

GroupKey group_key(const Process& process, const GroupBy& group_by) {
  GroupKey key;
  key.reserve(group_by.size());
  for (const auto* dimension : group_by) key.push_back(dimension->value(process));
  return key;
}

GroupKey fold_key(const GroupBy& group_by) {
  return GroupKey(group_by.size(), "other");
}

bool needs_cgroups(const GroupBy& group_by) {
  return std::any_of(group_by.begin(), group_by.end(),
                     [](const Dimension* dimension) { return dimension->needs_cgroup; });
}

}  // namespace memory_exporter::process
