#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "collectors/collector.h"
#include "collectors/process/facts/settings.h"

namespace memory_exporter {

/// Where the mounted tree of cgroups has the root of our own cgroup namespace
/// ("/kubepods/pod1/c1"), which is what the kernel writes every process's cgroup relative to. Empty
/// where it is the tree's own root (on a host, and in a container that sees no tree but its own)
/// and where it cannot be found. The kernel tells it nowhere: `self`, our pid, is looked for in the
/// cgroups whose path ends as our own does.
///
/// Cost: two small reads where the two roots are the same, else some 30 us a cgroup, of 65,536 at
/// most. A namespace keeps its root, so once is enough. Ends, with nothing found, once
/// `out_of_time` says so. `errors`: what may have kept it from being found; a cgroup that cannot be
/// looked into is not in it, because it need not be our own.
std::string find_namespace_root(const Trees& trees, pid_t self, ReadErrors& errors,
                                const std::function<bool()>& out_of_time);

/// What groups of processes have to know to call cgroups as the collector cgroup does; an error
/// where a file that would tell cannot be read. The cost is that of find_namespace_root().
Result<process::CgroupPlaces> find_cgroups(const Trees& trees, pid_t self);

}  // namespace memory_exporter
