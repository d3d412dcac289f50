#include "collectors/process/table/charged_cgroups.h"

#include <initializer_list>
#include <utility>

#include "collectors/procfs/cgroup.h"
#include "collectors/procfs/filesystem.h"

namespace memory_exporter::process {
namespace {

/// memory.pressure is no such file: it belongs to every cgroup.
constexpr std::initializer_list<const char*> memory_files = {"/memory.current", "/memory.stat"};

Result<bool> has_memory(const procfs::Tree& tree, const std::string& folder) {
  for (const auto* file : memory_files) {
    const auto there = tree.exists((folder + file).c_str());
    if (!there) return there.error();
    if (*there) return true;
  }
  return false;
}

}  // namespace

ChargedCgroups::ChargedCgroups(procfs::Tree tree, std::string name)
    : tree_(std::move(tree)), name_(std::move(name)), may_hang_(!procfs::is_cgroup2(tree_)) {}

std::optional<std::string_view> ChargedCgroups::known(std::string_view path) const {
  if (path == "/" || procfs::lies_outside_namespace(path)) return path;
  if (path.substr(0, name_.size()) != name_ || path.substr(name_.size(), 1) != "/") return path;
  const auto entry = known_.find(std::string(path));
  if (entry == known_.end()) return std::nullopt;
  return entry->second == 0 ? std::string_view("/") : path.substr(0, entry->second);
}

void ChargedCgroups::remember(std::string_view path, std::size_t length) {
  if (known_.size() >= most_known) known_.clear();
  known_.insert_or_assign(std::string(path), length);
}

/// 0: the root's, which need not have the files.
Result<std::size_t> ChargedCgroups::look_for(std::string_view path) const {
  auto charged = path;
  while (!charged.empty()) {
    const auto folder = '.' + std::string(charged.substr(name_.size()));
    const auto found = has_memory(tree_, folder);
    if (!found) return found.error();
    if (*found) return charged.size();
    if (charged == path) {
      const auto there = tree_.exists(folder.c_str());
      if (!there) return there.error();
      if (!*there) return path.size();  // removed, or of another tree
    }
    if (!name_.empty() && charged == name_) return path.size();  // what is above is not mounted
    charged = charged.substr(0, charged.rfind('/'));
  }
  return 0;
}

}  // namespace memory_exporter::process
