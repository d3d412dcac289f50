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
  ReadErrors errors;
  const auto path = read_file(procfs, "self/cgroup", buffer, errors, procfs::memory_cgroup);
  if (!path || !*path) return std::nullopt;
  return std::string(**path);
}

/// Walks down from one cgroup. One that was removed meanwhile has no children, nor has one whose
/// directory is closed to us.
class Walk {
 public:
  Walk(const procfs::Tree& sysfs, const CgroupHierarchy& hierarchy, const CgroupOptions& options,
       ReadErrors& errors)
      : sysfs_(sysfs), hierarchy_(hierarchy), options_(options), errors_(errors) {}

  void visit(const std::string& path, unsigned depth) {
    const auto label = path.empty() ? "/" : path;
    if (selected(label, options_)) paths_.push_back(label);
    if (depth == options_.depth) return;
    auto children = sysfs_.list_directories((hierarchy_.root + path).c_str());
    if (!children) return errors_.add("cgroup", children.error());
    std::sort(children->begin(), children->end());
    for (const auto& child : *children) visit(path + '/' + child, depth + 1);
  }

  std::vector<std::string> take_paths() { return std::move(paths_); }

 private:
  const procfs::Tree& sysfs_;
  const CgroupHierarchy& hierarchy_;
  const CgroupOptions& options_;
  ReadErrors& errors_;
  std::vector<std::string> paths_;
};

}  // namespace

std::optional<CgroupHierarchy> find_memory_hierarchy(const procfs::Tree& sysfs,
                                                     ReadErrors& errors) {
  using Version = CgroupHierarchy::Version;
  procfs::Buffer buffer;
  for (const std::string root : {"fs/cgroup", "fs/cgroup/unified"}) {
    const auto has_memory =
        read_file(sysfs, FileName(root, "cgroup.controllers"), buffer, errors, names_memory);
    if (has_memory.value_or(false)) return CgroupHierarchy{Version::v2, root};
  }
  // One that may not be read is there all the same.
  const std::string root = "fs/cgroup/memory";
  const auto there = sysfs.read((root + "/memory.stat").c_str(), buffer);
  if (!there && there.error().kind == ErrorKind::vanished) return std::nullopt;
  return CgroupHierarchy{Version::v1, root};
}

std::vector<std::string> list_cgroups(const procfs::Tree& sysfs, const CgroupHierarchy& hierarchy,
                                      const CgroupOptions& options, ReadErrors& errors) {
  Walk walk(sysfs, hierarchy, options, errors);
  walk.visit("", 0);
  return walk.take_paths();
}

std::string find_namespace_root(const Trees& trees, pid_t self) {
  ReadErrors errors;  // nobody misses what is not our own cgroup
  const auto hierarchy = find_memory_hierarchy(trees.sysfs, errors);
  auto own = own_cgroup(trees.procfs);
  if (!hierarchy || !own) return {};
  if (*own == "/") own->clear();
  const auto& root = hierarchy->root;
  if (has_process(trees.sysfs, root + *own, self)) return {};
  CgroupOptions all;
  all.depth = std::numeric_limits<unsigned>::max();
  for (const auto& path : list_cgroups(trees.sysfs, *hierarchy, all, errors)) {
    if (path == "/" || !path.ends_with(*own)) continue;
    if (has_process(trees.sysfs, root + path, self)) {
      return path.substr(0, path.size() - own->size());
    }
  }
  return {};
}

}  // namespace memory_exporter
