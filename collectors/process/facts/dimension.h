#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace memory_exporter::process {

struct Process;

/// What a group is named by; each is one label of every group metric.
struct Dimension {
  std::string_view name;      ///< of its label, and in group_by
  bool needs_cgroup = false;  ///< its value is made of the process's cgroup
  /// Of a process's facts alone; valid UTF-8, at most 512 bytes.
  std::string (*value)(const Process&);
};

/// Every dimension there is. A new one is one row.
std::span<const Dimension> dimensions();

/// A row of the table; null where there is none of that name.
const Dimension* dimension_named(std::string_view name);

/// The dimensions that groups are made by, in their order.
using GroupBy = std::vector<const Dimension*>;

/// name and cgroup.
GroupBy default_group_by();

/// The values of these dimensions, in their order.
using GroupKey = std::vector<std::string>;

/// Of the group that a process belongs to.
GroupKey group_key(const Process& process, const GroupBy& group_by);

/// Of the group that others fold into: `other` in every dimension.
GroupKey fold_key(const GroupBy& group_by);

/// Whether a key is made of the processes' cgroups.
bool needs_cgroups(const GroupBy& group_by);

}  // namespace memory_exporter::process
