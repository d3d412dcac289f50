#pragma once

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "collectors/collector.h"
#include "collectors/procfs/reader.h"
#include "collectors/read_failures.h"

namespace memory_exporter {

/// The cgroup hierarchy that has the memory controller. On cgroup v1 it is a mount of its own, in
/// the hybrid layout too.
struct CgroupHierarchy {
  enum class Version { v1, v2 };

  Version version;
  const procfs::Tree* tree;  ///< --path.sysfs, or --path.rootfs for one that is mounted elsewhere
  std::string root;          ///< relative to the tree, without a slash at its end
  /// What the kernel calls the cgroup at the root, where only a part of the hierarchy is mounted
  /// ("/docker/c1" in a container that has its own part alone); empty: the whole is.
  std::string name;

  /// The path below the root ("/": itself) as the kernel writes it in /proc/PID/cgroup.
  std::string kernel_path(const std::string& path) const;
};

/// Finds it, and remembers what mountinfo said of it. Safe to share between threads.
class CgroupFinder {
 public:
  using Clock = std::chrono::steady_clock;

  /// `trees` must outlive the object.
  explicit CgroupFinder(const Trees& trees) : trees_(trees) {}

  /// Nothing where no memory controller is to be seen (a container, a kernel without it).
  ///
  /// Looked at first is where every distribution of today has it, below fs/cgroup in --path.sysfs.
  /// Where it is not there, mountinfo tells: our own, and that of process 1, which names what the
  /// host has and our container may see below --path.sysfs or --path.rootfs. Cost: two or three
  /// small reads; mountinfo, some 0.5 us a mount, once, and again once a minute while there is
  /// none.
  std::optional<CgroupHierarchy> find(ReadErrors& errors);

 private:
  static constexpr std::chrono::minutes search_interval{1};

  const Trees& trees_;
  std::mutex mutex_;
  std::optional<CgroupHierarchy> found_;
  Clock::time_point next_search_{};
};

}  // namespace memory_exporter
