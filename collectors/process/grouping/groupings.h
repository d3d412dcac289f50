#pragma once

#include <memory>
#include <vector>

#include "collectors/process/grouping/grouping.h"

namespace memory_exporter::process {

/// The grouping in force, and those that were in force before it. One that comes back goes on
/// where it was left, so that its counters do not fall.
class Groupings {
 public:
  /// So many are kept beside the one in force: each may have max_groups groups.
  static constexpr std::size_t most_kept = 3;

  /// Groups the processes by these dimensions from the next assignment on. Where the dimensions are
  /// others than before, no process has a group until then.
  void use(const GroupBy& group_by, std::size_t max_groups, Grouping::Processes& processes);

  /// To be asked for after the first use().
  Grouping& current() { return *all_.back(); }

 private:
  std::vector<std::unique_ptr<Grouping>> all_;  ///< the one in force last
};

}  // namespace memory_exporter::process
