#pragma once

#include <cstddef>
#include <optional>
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
  explicit ChargedCgroups(procfs::Tree tree, std::string name = {});

  /// The cgroup that the memory of the processes in `path` is charged to: itself or one above it. A
  /// path that is not in the tree is the answer itself. One look, 2 us, where it has memory files,
  /// and three a level else; known ones cost nothing. An error, which is not remembered, where the
  /// tree cannot be looked into. `look`: look_for(), or what waits for it as long as it may.
  template <typename Look>
  Result<std::string_view> of(std::string_view path, Look&& look) {
    if (const auto charged = known(path)) return *charged;
    const auto length = look(path);
    if (!length) return length.error();
    remember(path, *length);
    return *known(path);
  }

  /// How much of a path that is not known is charged; safe to call from any thread.
  Result<std::size_t> look_for(std::string_view path) const;

  /// Whether a look may hang: the tree is not the kernel's own (lxcfs, a copy on any filesystem).
  bool may_hang() const { return may_hang_; }

  /// Controllers are turned on and off: what is known holds for a while.
  void forget() { known_.clear(); }

 private:
  /// Nothing where it has to be looked for.
  std::optional<std::string_view> known(std::string_view path) const;
  void remember(std::string_view path, std::size_t length);

  const procfs::Tree tree_;
  const std::string name_;
  const bool may_hang_;
  std::unordered_map<std::string, std::size_t> known_;  ///< how much of the path is charged
};

}  // namespace memory_exporter::process
