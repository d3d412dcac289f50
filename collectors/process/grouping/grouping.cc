#include "collectors/process/grouping/grouping.h"

#include <algorithm>
#include <string>
#include <utility>

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

void Grouping::assign(Processes& processes, Clock::time_point now) {
  for (auto& [pid, process] : processes) {
    if (process.group == nullptr && !process.ended && !process.unreadable) {
      process.group = &groups_.at(group_key(process, group_by_), now);
    }
    if (process.group == nullptr) continue;
    process.group->add_faults(process.minor_faults - process.counted_minor_faults,
                              process.major_faults - process.counted_major_faults);
    process.counted_minor_faults = process.minor_faults;
    process.counted_major_faults = process.major_faults;
    if (process.ended) process.group = nullptr;
  }
}

std::vector<Group> Grouping::publish(const Processes& processes, Clock::time_point now) {
  for (const auto& [pid, process] : processes) {
    if (!process.ended && !process.unreadable) {
      groups_.add(process, now);
    } else if (process.group != nullptr) {
      groups_.keep(*process.group, now);
    }
  }
  return groups_.publish(now);
}

}  // namespace memory_exporter::process
