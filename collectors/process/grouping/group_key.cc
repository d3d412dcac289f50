#include "collectors/process/grouping/group_key.h"

#include <algorithm>
#include <string>

#include "collectors/base/label.h"

namespace memory_exporter::process {

GroupKey group_key(const Process& process, const std::vector<Dimension>& group_by) {
  GroupKey key;
  key.reserve(group_by.size());
  for (const auto dimension : group_by) {
    switch (dimension) {
      case Dimension::name:
        key.push_back(valid_label(process.image.comm));
        break;
      case Dimension::cgroup:
        key.push_back(process.cgroup ? *process.cgroup : std::string());
        break;
    }
  }
  return key;
}

bool needs_cgroups(const std::vector<Dimension>& group_by) {
  return std::find(group_by.begin(), group_by.end(), Dimension::cgroup) != group_by.end();
}

GroupKey fold_key(const std::vector<Dimension>& group_by) {
  return GroupKey(group_by.size(), "other");
}

}  // namespace memory_exporter::process
