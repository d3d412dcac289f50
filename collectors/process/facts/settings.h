#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/process/facts/dimension.h"
#include "collectors/process/facts/may_hang.h"
#include "collectors/process/facts/snapshot.h"

namespace memory_exporter::process {

/// How PSS is sampled.
enum class PssMode {
  budgeted,  ///< what changed and what is old, under the budgets
  exact,     ///< every process in every collection, deadline permitting
  off,       ///< stat and status only; no process is walked
};

/// What is read of every process beyond the usual files, because a collector that is on asks for
/// it.
enum class Extras : unsigned {
  none = 0,
  oom_score = 1,  ///< /proc/PID/oom_score in every collection, some 5 us a process
  limits = 2,     ///< limits and maps once in a pss_max_age, some 60 us a process
  mappings = 4,   ///< smaps once in a pss_mappings_max_age, three times the cost of a rollup
};
constexpr Extras operator|(Extras a, Extras b) {
  return static_cast<Extras>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr bool contains(Extras set, Extras extra) {
  return (static_cast<unsigned>(set) & static_cast<unsigned>(extra)) != 0;
}

/// How many groups of processes there may be, and what may be asked for.
inline constexpr std::size_t default_max_groups = 1000;
inline constexpr std::size_t most_max_groups = 1'000'000;

/// A mounted tree of cgroups.
struct CgroupTree {
  std::string path;  ///< where it is mounted
  std::string name;  ///< what the kernel calls the cgroup at its root; empty: it has the whole tree
};

/// How the operator's tree calls cgroups.
struct CgroupPlaces {
  /// Where it has the root of our cgroup namespace; empty: at its own.
  std::string namespace_root = {};
  /// The tree of cgroup v2 that has the memory controller; nothing where none is to be seen.
  std::optional<CgroupTree> v2 = {};
  /// What could not be read on the way.
  std::map<ReadErrorKey, std::uint64_t> read_errors = {};
};

/// An error where it could not be found out this time.
using FindCgroups = std::function<Result<CgroupPlaces>()>;

/// What the operator can set of processes: each collection gets those in force.
struct Settings {
  GroupBy group_by = default_group_by();
  std::size_t max_groups = default_max_groups;  ///< at least 1
  PssMode pss_mode = PssMode::budgeted;
  std::chrono::nanoseconds pss_wait = std::chrono::milliseconds(500);  ///< a scrape waits this long
  std::chrono::nanoseconds pss_max_age = std::chrono::seconds(60);
  std::chrono::nanoseconds pss_mappings_max_age = std::chrono::minutes(5);
  std::chrono::nanoseconds pss_burst = std::chrono::seconds(1);  ///< CPU time the bucket can hold
  /// A rollup expected to hold the target's mmap_lock longer is done in small parts instead, where
  /// the privileges allow it, and never delays a scrape.
  std::chrono::nanoseconds pss_stall_limit = std::chrono::milliseconds(2);
  /// How giants may be walked. Where the privileges or the kernel do not allow pagemap it is the
  /// rollup, whatever this says.
  PssTier pss_tier = PssTier::pagemap;
  double pss_cpu_budget = 0.05;     ///< share of one core for walks
  double pss_stall_budget = 0.001;  ///< share of time one target's mmap may be held up

  bool operator==(const Settings&) const = default;
};

/// What a monitor is made with.
struct MonitorOptions {
  /// Asked in collections until it knows; null: cgroups are called as the kernel calls them.
  FindCgroups find_cgroups = {};
  MayHang may_hang = do_and_wait;
};

}  // namespace memory_exporter::process
