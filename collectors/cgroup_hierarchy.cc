#include "collectors/cgroup_hierarchy.h"

#include <array>
#include <utility>
#include <vector>

#include "collectors/base/text.h"
#include "collectors/procfs/escaped_path.h"
#include "collectors/procfs/mountinfo.h"
#include "collectors/read_file.h"

namespace memory_exporter {
namespace {

using Version = CgroupHierarchy::Version;

Result<bool> names_memory(std::string_view controllers) {
  auto line = take_line(controllers);
  for (auto word = take_word(line); !word.empty(); word = take_word(line)) {
    if (word == "memory") return true;
  }
  return false;
}

/// Whether a hierarchy with the memory controller lies there.
bool has_memory(const procfs::Tree& tree, Version version, const std::string& root,
                ReadErrors& errors) {
  procfs::Buffer buffer;
  if (version == Version::v2) {
    return read_file(tree, FileName(root, "cgroup.controllers"), buffer, errors, names_memory)
        .value_or(false);
  }
  // One that may not be read is there all the same.
  const auto there = tree.read((root + "/memory.stat").c_str(), buffer);
  if (!there) errors.add("memory.stat", there.error());
  return there || there.error().kind != ErrorKind::vanished;
}

std::optional<CgroupHierarchy> find_in_usual_places(const procfs::Tree& sysfs, ReadErrors& errors) {
  const std::pair<Version, const char*> places[] = {{Version::v2, "fs/cgroup"},
                                                    {Version::v2, "fs/cgroup/unified"},
                                                    {Version::v1, "fs/cgroup/memory"}};
  for (const auto& [version, root] : places) {
    if (has_memory(sysfs, version, root, errors)) {
      return CgroupHierarchy{version, &sysfs, root, {}};
    }
  }
  return std::nullopt;
}

/// A mount of a hierarchy that may have the memory controller.
struct CgroupMount {
  Version version;
  std::string root;   ///< which cgroup is mounted
  std::string point;  ///< where, from the root of the process that sees it
};

std::vector<CgroupMount> cgroup_mounts(const procfs::Tree& procfs, const char* file,
                                       ReadErrors& errors) {
  procfs::Buffer buffer;
  std::vector<CgroupMount> mounts;
  const auto parse = [&](std::string_view text) -> procfs::Parsed<Done> {
    const auto add = [&](const procfs::Mount& mount) {
      const bool v1 = mount.type == "cgroup" && procfs::has_option(mount.super_options, "memory");
      if (!v1 && mount.type != "cgroup2") return;
      mounts.push_back({v1 ? Version::v1 : Version::v2, procfs::unescape_path(mount.root),
                        procfs::unescape_path(mount.point)});
    };
    return {Done{}, procfs::for_each_mount(text, add)};
  };
  read_file(procfs, file, buffer, errors, parse);
  return mounts;
}

/// What of `path` lies below `folder`, without a slash at its front; nothing where it does not.
std::optional<std::string> below(std::string_view path, std::string_view folder) {
  while (folder.ends_with('/')) folder.remove_suffix(1);
  if (!path.starts_with(folder)) return std::nullopt;
  path.remove_prefix(folder.size());
  if (!path.starts_with('/')) return std::nullopt;
  return std::string(path.substr(1));
}

/// Where a mount point can be looked for: its path may be the host's, which we see below the trees,
/// or our own.
std::vector<std::pair<const procfs::Tree*, std::string>> places_of(const std::string& point,
                                                                   const Trees& trees) {
  std::vector<std::pair<const procfs::Tree*, std::string>> places;
  const auto add = [&](const procfs::Tree& tree, std::string_view folder) {
    if (auto place = below(point, folder)) places.emplace_back(&tree, std::move(*place));
  };
  add(trees.sysfs, trees.sysfs.path());
  add(trees.sysfs, "/sys");
  add(trees.rootfs, trees.rootfs.path());
  // Our own /sys is not what an operator who names another means.
  const bool is_ours = trees.rootfs.path() == "/";
  if (!is_ours || !below(point, "/sys")) add(trees.rootfs, "");
  return places;
}

/// The name of what is mounted. A path that begins with "/.." lies above the root of our cgroup
/// namespace and tells no name.
std::string name_of(const CgroupMount& mount) {
  const bool is_whole = mount.root == "/" || mount.root.starts_with("/..");
  return is_whole ? std::string() : mount.root;
}

constexpr std::array<const char*, 2> mountinfo_files = {"self/mountinfo", "1/mountinfo"};

std::optional<CgroupHierarchy> find_by_mountinfo(const Trees& trees, ReadErrors& errors) {
  for (const char* file : mountinfo_files) {
    for (const auto& mount : cgroup_mounts(trees.procfs, file, errors)) {
      for (auto& [tree, root] : places_of(mount.point, trees)) {
        if (has_memory(*tree, mount.version, root, errors)) {
          return CgroupHierarchy{mount.version, tree, std::move(root), name_of(mount)};
        }
      }
    }
  }
  return std::nullopt;
}

/// What our own mountinfo says of the place.
std::string name_at(const CgroupHierarchy& hierarchy, const Trees& trees, ReadErrors& errors) {
  const auto point = hierarchy.tree->path() + '/' + hierarchy.root;
  std::string name;  // of the last one mounted there, which hides those below it
  for (const auto& mount : cgroup_mounts(trees.procfs, mountinfo_files[0], errors)) {
    if (mount.version == hierarchy.version && mount.point == point) name = name_of(mount);
  }
  return name;
}

}  // namespace

std::string CgroupHierarchy::kernel_path(const std::string& path) const {
  if (name.empty()) return path;
  return path == "/" ? name : name + path;
}

std::optional<CgroupHierarchy> CgroupFinder::find(ReadErrors& errors) {
  auto usual = find_in_usual_places(trees_.sysfs, errors);
  const std::lock_guard lock(mutex_);
  if (usual) {
    const bool known = found_ && found_->tree == usual->tree && found_->root == usual->root;
    if (!known) {
      usual->name = name_at(*usual, trees_, errors);
      found_ = std::move(usual);
    }
    return found_;
  }
  if (found_ && has_memory(*found_->tree, found_->version, found_->root, errors)) return found_;
  const auto now = Clock::now();
  if (now < next_search_) return std::nullopt;
  next_search_ = now + search_interval;
  found_ = find_by_mountinfo(trees_, errors);
  return found_;
}

}  // namespace memory_exporter
