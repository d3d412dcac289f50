#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "collectors/procfs/reader.h"

namespace memory_exporter::process {

/// Which cgroup of version 2 a process's memory is charged to. A cgroup without files of the memory
/// controller, because it is threaded or the controller is not enabled for it, is charged to the
/// nearest one above that has them (Documentation/admin-guide/cgroup-v2.rst, "Threads" and
/// "Enabling and Disabling").
class ChargedCgroups {
 public:
  /// How many cgroups are remembered: with names of 4 KiB, the longest, some 4 MiB.
  static constexpr std::size_t most_known = 1024;

  /// `tree`: as mounted, with the memory controller enabled at its root, which the kernel calls
  /// `name` (empty: the root of the whole).
  explicit ChargedCgroups(procfs::Tree tree, std::string name = {})
      : tree_(std::move(tree)), name_(std::move(name)) {}

  /// The cgroup that the memory of the processes in `path` is charged to: itself or one above it. A
  /// path that is not in the tree, or cannot be looked into, is the answer itself. One look, 2 us,
  /// where it has memory files, and three a level else; known ones cost nothing.
  std::string_view of(std::string_view path);

  /// Controllers are turned on and off: what is known holds for a while.
  void forget() { known_.clear(); }

 private:
  std::size_t length_of(std::string_view path) const;

  const procfs::Tree tree_;
  const std::string name_;
  std::unordered_map<std::string, std::size_t> known_;  ///< how much of the path is charged
};

}  // namespace memory_exporter::process
