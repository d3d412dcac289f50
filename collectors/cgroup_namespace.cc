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
bool has_process(const CgroupHierarchy& hierarchy, const std::string& path, pid_t pid,
                 ReadErrors& errors) {
  procfs::Buffer buffer;
  const auto text = hierarchy.tree->read((hierarchy.root + path + "/cgroup.procs").c_str(), buffer);
  if (!text) {
    errors.add("cgroup.procs", text.error());
    return false;
  }
  for (auto lines = *text; !lines.empty();) {
    if (to_number<pid_t>(take_line(lines)) == pid) return true;
  }
  return false;
}

/// Our own cgroup, relative to the root of our namespace; empty: that root itself.
std::optional<std::string> own_cgroup(const procfs::Tree& procfs, ReadErrors& errors) {
  procfs::Buffer buffer;
  const auto path = read_file(procfs, "self/cgroup", buffer, errors,
                              [](std::string_view text) { return procfs::memory_cgroup(text); });
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

std::string find_namespace_root(const Trees& trees, pid_t self, ReadErrors& errors,
                                const std::function<bool()>& out_of_time) {
  ReadErrors of_place;  // where another place has it nobody misses what could not be read
  const auto hierarchy = CgroupFinder(trees).find(of_place);
  if (!hierarchy || of_place.exhausted()) errors.take(of_place);
  const auto own = own_cgroup(trees.procfs, errors);
  if (!hierarchy || !own) return {};
  if (has_process(*hierarchy, in_tree(*own, *hierarchy), self, errors)) return {};
  CgroupSettings all;
  all.depth = std::numeric_limits<unsigned>::max();
  all.max = 65536;
  ReadErrors of_others;  // nobody misses what is not our own cgroup, but for want of descriptors
  std::string root;
  for (const auto& path : list_cgroups(*hierarchy, all, of_others, out_of_time).paths) {
    if (path == "/" || !path.ends_with(*own)) continue;
    if (out_of_time()) return {};
    if (has_process(*hierarchy, path, self, of_others)) {
      root = hierarchy->kernel_path(path.substr(0, path.size() - own->size()));
      break;
    }
  }
  if (root.empty() && of_others.exhausted()) errors.take(of_others);
  return root;
}

Result<process::CgroupPlaces> find_cgroups(const Trees& trees, pid_t self) {
  ReadErrors of_place;
  const auto hierarchy = CgroupFinder(trees).find(of_place);
  if (of_place.exhausted() || (!hierarchy && of_place.any())) {
    return of_place.noted().front().error;
  }
  ReadErrors of_root;
  process::CgroupPlaces places;
  places.namespace_root = find_namespace_root(trees, self, of_root, [] { return false; });
  if (of_root.any()) return of_root.noted().front().error;
  places.read_errors = of_place.counts();
  if (hierarchy && hierarchy->version == CgroupHierarchy::Version::v2) {
    places.v2 = {hierarchy->tree->path() + '/' + hierarchy->root, hierarchy->name};
  }
  return places;
}

}  // namespace memory_exporter
