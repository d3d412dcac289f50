#pragma once

#include "collectors/procfs/reader.h"

namespace memory_exporter::procfs {

/// Whether a kernel serves the tree, and it is no copy of one. One statfs.
bool is_procfs(const Tree& tree);
bool is_cgroup2(const Tree& tree);

}  // namespace memory_exporter::procfs
