#pragma once

#include <string_view>
#include <vector>

#include "collectors/process/facts/process.h"
#include "collectors/process/facts/snapshot.h"

namespace memory_exporter::process {

/// The key of the group that the process belongs to: a function of its facts alone.
GroupKey group_key(const Process& process, const std::vector<Dimension>& group_by);

/// Whether a key needs to know the processes' cgroups.
bool needs_cgroups(const std::vector<Dimension>& group_by);

/// The key of the group that others fold into: `other` in every dimension.
GroupKey fold_key(const std::vector<Dimension>& group_by);

}  // namespace memory_exporter::process
