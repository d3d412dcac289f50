#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "collectors/collector.h"
#include "collectors/procfs/reader.h"
#include "collectors/read_errors.h"
#include "collectors/registry.h"

namespace memory_exporter {

/// The cgroup hierarchy that has the memory controller. On cgroup v1 it is a mount of its own, in
/// the hybrid layout too; /sys/fs/cgroup is where every distribution has it.
struct CgroupHierarchy {
  enum class Version { v1, v2 };

  Version version;
  std::string root;  ///< relative to sysfs, without a slash at its end
};

/// Nothing where no memory controller is to be seen (a container, a kernel without it).
std::optional<CgroupHierarchy> find_memory_hierarchy(const procfs::Tree& sysfs, ReadErrors& errors);

/// The paths below the root that the options select, a parent before its children and siblings
/// sorted; the root itself is "/". One that may not be listed has no children here. Cost: one
/// directory listing a cgroup, about 15 us.
std::vector<std::string> list_cgroups(const procfs::Tree& sysfs, const CgroupHierarchy& hierarchy,
                                      const CgroupOptions& options, ReadErrors& errors);

/// Where that tree has the root of our own cgroup namespace ("/kubepods/pod1/c1"), which is what
/// the kernel writes every process's cgroup relative to. Empty where it is the tree's own root (on
/// a host, and in a container that sees no tree but its own) and where it cannot be found. The
/// kernel tells it nowhere: `self`, our pid, is looked for in the cgroups whose path ends as our
/// own does.
///
/// Cost: two small reads where the two roots are the same, else some 30 us a cgroup. A namespace
/// keeps its root, so once is enough.
std::string find_namespace_root(const Trees& trees, pid_t self);

}  // namespace memory_exporter
