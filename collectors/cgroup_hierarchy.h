#pragma once

#include <optional>
#include <string>
#include <vector>

#include "collectors/procfs/reader.h"
#include "collectors/procfs/result.h"
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
Result<std::optional<CgroupHierarchy>> find_memory_hierarchy(const procfs::Tree& sysfs);

/// The paths below the root that the options select, a parent before its children and siblings
/// sorted; the root itself is "/". Cost: one directory listing a cgroup, about 15 us.
Result<std::vector<std::string>> list_cgroups(const procfs::Tree& sysfs,
                                              const CgroupHierarchy& hierarchy,
                                              const CgroupOptions& options);

}  // namespace memory_exporter
