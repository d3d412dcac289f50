#include "collectors/process/table/charged_cgroups.h"

#include <initializer_list>
#include <optional>
#include <utility>

#include "collectors/procfs/cgroup.h"

namespace memory_exporter::process {
namespace {

/// memory.pressure is no such file: it belongs to every cgroup.
constexpr std::initializer_list<const char*> memory_files = {"/memory.current", "/memory.stat"};

/// Nothing where it cannot be told.
std::optional<bool> has_memory(const procfs::Tree& tree, const std::string& folder) {
  for (const auto* file : memory_files) {
    const auto there = tree.exists((folder + file).c_str());
    if (!there) return std::nullopt;
    if (*there) return true;
  }
  return false;
}

}  // namespace

std::string_view ChargedCgroups::of(std::string_view path) {
  if (path == "/" || procfs::lies_outside_namespace(path)) return path;
  if (path.substr(0, name_.size()) != name_ || path.substr(name_.size(), 1) != "/") return path;
  auto known = known_.find(std::string(path));
  if (known == known_.end()) {
    if (known_.size() >= most_known) known_.clear();
    known = known_.emplace(path, length_of(path)).first;
  }
  const auto length = known->second;
  return length == 0 ? std::string_view("/") : path.substr(0, length);
}

/// 0: the root's, which need not have the files.
std::size_t ChargedCgroups::length_of(std::string_view path) const {
  auto charged = path;
  while (!charged.empty()) {
    const auto folder = '.' + std::string(charged.substr(name_.size()));
    const auto found = has_memory(tree_, folder);
    if (!found) return path.size();
    if (*found) return charged.size();
    if (charged == path) {
      const auto there = tree_.exists(folder.c_str());
      if (!there || !*there) return path.size();  // removed, or of another tree
    }
    if (!name_.empty() && charged == name_) return path.size();  // what is above is not mounted
    charged = charged.substr(0, charged.rfind('/'));
  }
  return 0;
}

}  // namespace memory_exporter::process
