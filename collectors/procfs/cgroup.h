#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "collectors/base/result.h"
#include "collectors/procfs/parsed.h"

namespace memory_exporter::procfs {

/// The control group that a process's memory is charged to, from /proc/PID/cgroup (kernel:
/// kernel/cgroup/cgroup.c, proc_cgroup_show; cgroups(7)). Readable without privileges; about 5 us
/// to read, 0.1 us to parse.
///
/// Each line is "hierarchy:controllers:path". On cgroup v1 and on a hybrid machine the line whose
/// controllers include `memory` counts, wherever it stands; else the v2 line, "0::path", which on a
/// hybrid machine names a hierarchy that holds no memory controller. Nothing where there is
/// neither: a kernel without the memory controller and without a v2 mount.
///
/// The result is a view into `text`, the path as the kernel prints it: relative to the reader's
/// cgroup namespace ("/../../x" outside it), with " (deleted)" after a v2 cgroup that is gone while
/// its process lingers. A path may hold any byte but NUL and newline (the kernel refuses a newline
/// in a cgroup's name), colons included.
///
/// A line of another form (fewer than two colons, a hierarchy that is no number, a path that does
/// not begin with '/') is passed over, and noted in `skipped` where that is given. Malformed, with
/// its line: one of these that might be the wanted one, because it speaks of memory or nothing else
/// does; and a last line without its newline (a text cut short).
Result<std::optional<std::string_view>> memory_cgroup(std::string_view text,
                                                      Skipped* skipped = nullptr);

/// The paths of /proc/PID/cgroup that say whose a process is, views into the text; empty: no such
/// line. A line of another form is passed over.
struct CgroupPaths {
  std::string_view memory;   ///< of memory_cgroup(): v1's line with that controller, else `0::`
  std::string_view systemd;  ///< of the named hierarchy in which systemd keeps its units (v1)
  std::string_view unified;  ///< of `0::`
};
CgroupPaths cgroup_paths(std::string_view text);

/// Whether a path of memory_cgroup() lies outside the reader's cgroup namespace: it begins with
/// "/..", which is not the front of a name such as "/..x".
bool lies_outside_namespace(std::string_view path);

/// A path of memory_cgroup() from the root of a mounted tree of cgroups, in which the root of the
/// reader's cgroup namespace is `namespace_root` ("/kubepods/pod1/c1"; empty: the tree's own root).
///
/// The kernel begins the path of a cgroup outside the namespace with one "/.." for each level that
/// it lies above (fs/kernfs/dir.c, kernfs_path_from_node_locked; cgroup_namespaces(7)). Those
/// levels have names above the namespace's root alone, so they are taken from there. A path that
/// leads out of the tree names nothing in it and stays as it is: it is still the only one of its
/// kind.
std::string cgroup_in_tree(std::string_view path, std::string_view namespace_root);

}  // namespace memory_exporter::procfs
