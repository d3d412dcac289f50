#include "collectors/cgroup_namespace.h"

#include <limits>
#include <optional>

#include "collectors/base/text.h"
#include "collectors/cgroup_hierarchy.h"
#include "collectors/cgroup_list.h"
#include "collectors/procfs/cgroup.h"
#include "collectors/read_file.h"

namespace memory_exporter {
namespace {

/// Whether the cgroup has the process in it. The kernel writes the pids of the reader's own pid
/// namespace, whoever mounted the tree (kernel/cgroup/cgroup.c, cgroup_procs_show).
bool has_process(const CgroupHierarchy& hierarchy, const std::string& path, pid_t pid) {
  procfs::Buffer buffer;
  const auto text = hierarchy.tree->read((hierarchy.root + path + "/cgroup.procs").c_str(), buffer);
  if (!text) return false;
  for (auto lines = *text; !lines.empty();) {
    if (to_number<pid_t>(take_line(lines)) == pid) return true;
  }
  return false;
}

/// Our own cgroup, relative to the root of our namespace; empty: that root itself.
std::optional<std::string> own_cgroup(const procfs::Tree& procfs) {
  procfs::Buffer buffer;
  ReadErrors errors;
  const auto path = read_file(procfs, "self/cgroup", buffer, errors, procfs::memory_cgroup);
  if (!path || !*path) return std::nullopt;
  return **path == "/" ? std::string() : std::string(**path);
}

/// What the tree calls the cgroup, where it has no more than a part of the hierarchy.
std::string in_tree(const std::string& path, const CgroupHierarchy& hierarchy) {
  return path.starts_with(hierarchy.name + '/') || path == hierarchy.name
             ? path.substr(hierarchy.name.size())
             : path;
}

}  // namespace

std::string find_namespace_root(const Trees& trees, pid_t self,
                                const std::function<bool()>& out_of_time) {
  ReadErrors errors;  // nobody misses what is not our own cgroup
  const auto hierarchy = CgroupFinder(trees).find(errors);
  const auto own = own_cgroup(trees.procfs);
  if (!hierarchy || !own || has_process(*hierarchy, in_tree(*own, *hierarchy), self)) return {};
  CgroupOptions all;
  all.depth = std::numeric_limits<unsigned>::max();
  all.max = 65536;
  for (const auto& path : list_cgroups(*hierarchy, all, errors, out_of_time).paths) {
    if (path == "/" || !path.ends_with(*own)) continue;
    if (out_of_time()) return {};
    if (has_process(*hierarchy, path, self)) {
      return hierarchy->kernel_path(path.substr(0, path.size() - own->size()));
    }
  }
  return {};
}

}  // namespace memory_exporter
