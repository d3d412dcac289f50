#pragma once

#include <sys/types.h>

#include <unordered_map>
#include <vector>

#include "collectors/process/facts/process.h"
#include "collectors/process/facts/snapshot.h"
#include "collectors/process/grouping/groups.h"

namespace memory_exporter::process {

/// The key of the group that the process belongs to: a function of its name and cgroup alone.
GroupKey group_key(const Process& process, const std::vector<Dimension>& group_by);

/// Whether a key needs to know the processes' cgroups.
bool needs_cgroups(const std::vector<Dimension>& group_by);

/// Which process counts in which group, from one refresh of the table to the next.
class Grouping {
 public:
  using Processes = std::unordered_map<pid_t, Process>;

  explicit Grouping(std::vector<Dimension> group_by) : group_by_(std::move(group_by)) {}

  /// After each refresh: gives a group to every process that has none (new, renamed, moved), and
  /// the groups what their processes have faulted since. One that was never seen alive belongs to
  /// no group, and makes none.
  void assign(Processes& processes, Clock::time_point now);

  /// The groups' sums over the processes as they are now, sorted by key.
  std::vector<Group> publish(const Processes& processes, Clock::time_point now);

 private:
  const std::vector<Dimension> group_by_;
  Groups groups_;
};

}  // namespace memory_exporter::process
