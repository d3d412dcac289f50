#pragma once

#include <cstddef>
#include <vector>

#include "collectors/base/bytes.h"
#include "collectors/process/facts/clock.h"

namespace memory_exporter::process {

/// A group that wants to be shown under its own name.
struct Contender {
  bool shown = false;             ///< it was so far
  bool alive = true;              ///< it has processes; a dead one is only kept
  Bytes size{};                   ///< resident plus swap of its processes
  Clock::time_point last_used{};  ///< of a dead one
};

/// Which of the groups to show where there is room for `places`; the others are folded into one.
///
/// The dead go first, the one that was last used the longest ago before all, and then the smallest.
/// So that groups of about the same size do not take turns, one that was not shown so far takes the
/// place of one that was only if it is more than 1.25 times as large, or the other is dead. Groups
/// that are equal in all that keep their order. O(n log n).
std::vector<bool> choose_shown(const std::vector<Contender>& groups, std::size_t places);

}  // namespace memory_exporter::process
