#include "collectors/cgroup_hierarchy.h"

#include <algorithm>
#include <limits>

#include "collectors/base/text.h"
#include "collectors/procfs/cgroup.h"
#include "collectors/read_file.h"

namespace memory_exporter {
namespace {

Result<bool> names_memory(std::string_view controllers) {
  auto line = take_line(controllers);
  for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
    if (word == "memory") return true;
  }
  return false;
}

bool selected(const std::string& path, const CgroupOptions& options) {
  if (options.include && !options.include->matches(path)) return false;
  return !options.exclude || !options.exclude->matches(path);
}

/// Whether the cgroup has the process in it. The kernel writes the pids of the reader's own pid
/// namespace, whoever mounted the tree (kernel/cgroup/cgroup.c, cgroup_procs_show).
bool has_process(const procfs::Tree& sysfs, const std::string& folder, pid_t pid) {
  procfs::Buffer buffer;
  const auto text = sysfs.read((folder + "/cgroup.procs").c_str(), buffer);
  if (!text) return false;
  for (auto lines = *text; !lines.empty();) {
    if (to_number<pid_t>(take_line(lines)) == pid) return true;
  }
  return false;
}

/// Our own cgroup, relative to the root of our namespace.
std::optional<std::string> own_cgroup(const procfs::Tree& procfs) {
  procfs::Buffer buffer;
  const auto path = read_file(procfs, "self/cgroup", buffer, procfs::memory_cgroup);
  if (!path || !*path || !**path) return std::nullopt;
  return std::string(***path);
}

/// Walks down from one cgroup. One that was removed meanwhile has no children.
class Walk {
 public:
  Walk(const procfs::Tree& sysfs, const CgroupHierarchy& hierarchy, const CgroupOptions& options)
      : sysfs_(sysfs), hierarchy_(hierarchy), options_(options) {}

  Status visit(const std::string& path, unsigned depth) {
    const auto label = path.empty() ? "/" : path;
    if (selected(label, options_)) paths_.push_back(label);
    if (depth == options_.depth) return Done{};
    auto children = sysfs_.list_directories((hierarchy_.root + path).c_str());
    if (!children) {
      if (children.error().kind == ErrorKind::vanished) return Done{};
      return children.error();
    }
    std::sort(children->begin(), children->end());
    for (const auto& child : *children) {
      if (auto visited = visit(path + '/' + child, depth + 1); !visited) return visited;
    }
    return Done{};
  }

  std::vector<std::string> take_paths() { return std::move(paths_); }

 private:
  const procfs::Tree& sysfs_;
  const CgroupHierarchy& hierarchy_;
  const CgroupOptions& options_;
  std::vector<std::string> paths_;
};

}  // namespace

Result<std::optional<CgroupHierarchy>> find_memory_hierarchy(const procfs::Tree& sysfs) {
  using Version = CgroupHierarchy::Version;
  const struct {
    CgroupHierarchy hierarchy;
    const char* controllers;
  } unified[] = {{{Version::v2, "fs/cgroup"}, "fs/cgroup/cgroup.controllers"},
                 {{Version::v2, "fs/cgroup/unified"}, "fs/cgroup/unified/cgroup.controllers"}};
  for (const auto& [hierarchy, controllers] : unified) {
    procfs::Buffer buffer;
    const auto has_memory = read_file(sysfs, controllers, buffer, names_memory);
    if (!has_memory) return has_memory.error();
    if (has_memory->value_or(false)) return std::optional(hierarchy);
  }
  procfs::Buffer buffer;
  const auto there = read_file(sysfs, "fs/cgroup/memory/memory.stat", buffer,
                               [](std::string_view) { return Result<Done>(Done{}); });
  if (!there) return there.error();
  if (!*there) return std::optional<CgroupHierarchy>();
  return std::optional(CgroupHierarchy{Version::v1, "fs/cgroup/memory"});
}

Result<std::vector<std::string>> list_cgroups(const procfs::Tree& sysfs,
                                              const CgroupHierarchy& hierarchy,
                                              const CgroupOptions& options) {
  Walk walk(sysfs, hierarchy, options);
  if (auto visited = walk.visit("", 0); !visited) return visited.error();
  return walk.take_paths();
}

std::string find_namespace_root(const Trees& trees, pid_t self) {
  const auto hierarchy = find_memory_hierarchy(trees.sysfs);
  auto own = own_cgroup(trees.procfs);
  if (!hierarchy || !*hierarchy || !own) return {};
  if (*own == "/") own->clear();
  const auto& root = (*hierarchy)->root;
  if (has_process(trees.sysfs, root + *own, self)) return {};
  CgroupOptions all;
  all.depth = std::numeric_limits<unsigned>::max();
  const auto paths = list_cgroups(trees.sysfs, **hierarchy, all);
  if (!paths) return {};
  for (const auto& path : *paths) {
    if (path == "/" || !path.ends_with(*own)) continue;
    if (has_process(trees.sysfs, root + path, self)) {
      return path.substr(0, path.size() - own->size());
    }
  }
  return {};
}

}  // namespace memory_exporter
