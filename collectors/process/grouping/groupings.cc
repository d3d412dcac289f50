#include "collectors/process/grouping/groupings.h"

#include <algorithm>

namespace memory_exporter::process {

void Groupings::use(const GroupBy& group_by, std::size_t max_groups,
                    Grouping::Processes& processes) {
  if (all_.empty() || current().group_by() != group_by) {
    if (!all_.empty()) current().leave(processes);
    const auto known = std::find_if(all_.begin(), all_.end(), [&](const auto& grouping) {
      return grouping->group_by() == group_by;
    });
    if (known != all_.end()) {
      std::rotate(known, known + 1, all_.end());
      current().take_up(processes);
    } else {
      all_.push_back(std::make_unique<Grouping>(group_by, max_groups));
      if (all_.size() > 1 + most_kept) all_.erase(all_.begin());
    }
  }
  current().set_max_groups(max_groups);
}

}  // namespace memory_exporter::process
