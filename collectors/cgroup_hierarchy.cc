#include "collectors/cgroup_hierarchy.h"

#include <algorithm>

#include "collectors/procfs/scan.h"
#include "collectors/read_file.h"

namespace memory_exporter {
namespace {

Result<bool> names_memory(std::string_view controllers) {
  auto line = procfs::take_line(controllers);
  for (auto word = procfs::take_word(line); !word.empty(); word = procfs::take_word(line)) {
    if (word == "memory") return true;
  }
  return false;
}

bool selected(const std::string& path, const CgroupOptions& options) {
  if (options.include && !options.include->matches(path)) return false;
  return !options.exclude || !options.exclude->matches(path);
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

}  // namespace memory_exporter
