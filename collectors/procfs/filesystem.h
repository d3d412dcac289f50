#pragma once

#include "collectors/procfs/reader.h"

namespace memory_exporter::procfs {

/// Whether a kernel serves the tree: a mounted procfs, and no copy of one. One statfs.
bool is_procfs(const Tree& tree);

}  // namespace memory_exporter::procfs
