#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "collectors/process/facts/process.h"
#include "collectors/process/facts/settings.h"
#include "collectors/process/facts/snapshot.h"

namespace memory_exporter::process {

/// A group over its life: what outlives the processes in it.
class GroupState {
 private:
  friend class Grouping;

  /// Gives it what a process has faulted since a group was last given it (at first sight: all of
  /// it). The sums never fall, whoever exits and whatever pid comes back.
  void take_faults_of(Process& process);
  void take_faults_of(const GroupState& group);
  /// Counts a process in its size, and keeps it for another retention.
  void weigh(const Process& process, Clock::time_point now);

  std::uint64_t minor_faults_ = 0;
  std::uint64_t major_faults_ = 0;
  Clock::time_point last_used_{};
  bool alive_ = false;    ///< has processes in this collection
  bool folds_ = false;    ///< into `other`, in the assignment under way
  Bytes size_;            ///< resident plus swap of its processes
  GroupTotals totals_{};  ///< of the collection under way
};

/// Which process counts in which group, from one refresh of the table to the next.
///
/// Names and cgroups are anybody's choice, so no more than `max_groups` groups are kept, those
/// included whose processes have ended and the one that the others fold into, which is `other` in
/// every dimension (see choose_shown()). A group that folds leaves its counters to `other`; where
/// it comes back, they begin at 0. Of a group that is folded nothing is kept but its processes.
class Grouping {
 public:
  using Processes = std::unordered_map<pid_t, Process>;

  /// A group without processes keeps its counters this long, where there is room, so that a job
  /// that runs every few minutes is one rising series; then it is forgotten and its series ends.
  static constexpr std::chrono::minutes retention{15};

  explicit Grouping(GroupBy group_by, std::size_t max_groups = default_max_groups);

  /// In force from the next assignment on; at least 1.
  void set_max_groups(std::size_t max_groups) { max_groups_ = max_groups; }

  /// After each refresh: gives a group to every process that has none (new, renamed, moved), folds
  /// what is too many, and gives the groups what their processes have faulted since. One that was
  /// never seen alive belongs to no group, and makes none. O(n log n) for n processes outside the
  /// groups shown, and a pass over the others.
  void assign(Processes& processes, Clock::time_point now);

  /// The groups' sums over the processes as they are now, sorted by key. Each process with memory
  /// counts once, in its own group or in `other`.
  std::vector<Group> publish(const Processes& processes, Clock::time_point now);

  const GroupBy& group_by() const { return group_by_; }

  /// Gives up its processes, which another grouping takes now, and notes what they have faulted
  /// until here.
  void leave(Processes& processes);

  /// Comes back: what those that are still there have faulted since goes to its groups with the
  /// next assignment. What others faulted that have come and gone meanwhile is lost to them.
  void take_up(Processes& processes);

  /// How many groups with processes the last assignment has folded into `other`.
  std::size_t folded() const { return folded_; }

  /// How many groups have state of their own here, `other` not among them.
  std::size_t kept() const { return shown_.size(); }

 private:
  using States = std::map<GroupKey, GroupState>;

  /// A process whose group is not shown, and that group's key.
  struct Unplaced {
    GroupKey key;
    Process* process;
  };
  /// What a process had given to this grouping when it was left.
  struct Left {
    ProcessId id;
    std::uint64_t minor_faults;
    std::uint64_t major_faults;
  };
  /// The processes of one such group.
  struct Newcomer {
    std::vector<Unplaced>::iterator begin;
    std::vector<Unplaced>::iterator end;
    Bytes size{};
    bool returns = false;  ///< it was folded until now
  };

  std::vector<Unplaced> place(Processes& processes, Clock::time_point now);
  bool place_in_known(Process& process, const GroupKey& key, Clock::time_point now);
  static std::vector<Newcomer> newcomers_among(std::vector<Unplaced>& unplaced);
  void forget_unused(Clock::time_point now);
  bool other_is_shown(Clock::time_point now) const;
  std::vector<bool> choose(const std::vector<Newcomer>& newcomers, Clock::time_point now) const;
  void fold_shown(Processes& processes, const std::vector<bool>& stay, Clock::time_point now);
  void show(Newcomer& newcomer, Clock::time_point now);
  void fold(Newcomer& newcomer, Clock::time_point now);

  const GroupBy group_by_;
  const GroupKey fold_key_;
  std::size_t max_groups_;
  States shown_;  ///< at most max_groups_
  /// Also of a group that really has that key. Never forgotten, so that its counters never fall.
  GroupState other_;
  std::size_t folded_ = 0;
  std::vector<Left> left_;
};

}  // namespace memory_exporter::process
