#pragma once

#include <chrono>
#include <map>
#include <vector>

#include "collectors/process/facts/process.h"
#include "collectors/process/facts/snapshot.h"

namespace memory_exporter::process {

/// A group over its life: what outlives the processes in it.
class GroupState {
 public:
  /// Adds what a process has faulted since it was last read (at first sight: all of it). The sums
  /// never fall, whoever exits and whatever pid comes back.
  void add_faults(std::uint64_t minor, std::uint64_t major) {
    minor_faults_ += minor;
    major_faults_ += major;
  }

 private:
  friend class Groups;
  std::uint64_t minor_faults_ = 0;
  std::uint64_t major_faults_ = 0;
  Clock::time_point last_used_{};
  GroupTotals totals_;  ///< of the collection under way
};

/// Every group there is, by key. A GroupState stays where it is until publish() prunes it.
class Groups {
 public:
  /// A group without processes keeps its counters this long, so that a job that runs every few
  /// minutes is one rising series; then it is forgotten and its series ends.
  static constexpr std::chrono::minutes retention{15};

  /// The group of that key, made where it is new.
  GroupState& at(const GroupKey& key, Clock::time_point now);

  /// Lets a group live on for a process that points to it and is not counted.
  void keep(GroupState& group, Clock::time_point now) { group.last_used_ = now; }

  /// Counts a process in its group: once each between two publish().
  void add(const Process& process, Clock::time_point now);

  /// The totals since the last publish(), sorted by key, and a clean slate. A group unused for
  /// `retention` is dropped: no process may point to it any more.
  std::vector<Group> publish(Clock::time_point now);

 private:
  std::map<GroupKey, GroupState> groups_;
};

/// The reason why a process has no sample; meaningful only without one.
Unmeasured why_unmeasured(const Process& process);

}  // namespace memory_exporter::process
