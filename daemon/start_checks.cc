#include "daemon/start_checks.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "collectors/base/text.h"
#include "collectors/cgroup_hierarchy.h"

namespace memory_exporter {
namespace {

/// Those that live from files in the root of procfs.
constexpr std::array<std::string_view, 6> of_the_system = {"balance", "meminfo",    "vmstat",
                                                           "swap",    "overcommit", "pressure"};

bool is_on(const CollectorSet& collectors, std::string_view name) {
  return std::any_of(collectors.begin(), collectors.end(), [&](const ActiveCollector& active) {
    return active.collector->name() == name;
  });
}

std::string silent_ones(const CollectorSet& collectors) {
  std::string names;
  for (const auto name : of_the_system) {
    if (!is_on(collectors, name)) continue;
    if (!names.empty()) names += ',';
    names += name;
  }
  return names;
}

/// Whether the procfs has processes and nothing of the system, as one mounted with subset=pid.
bool shows_processes_alone(const procfs::Tree& procfs) {
  const auto names = procfs.list(".");
  if (!names) return false;
  const auto has = [&](std::string_view name) {
    return std::find(names->begin(), names->end(), name) != names->end();
  };
  const bool has_processes = std::any_of(names->begin(), names->end(), [](const std::string& name) {
    return to_number(name).has_value();
  });
  return has_processes && !has("meminfo") && !has("vmstat") && !has("sys");
}

}  // namespace

void warn_of_silent_collectors(const CollectorSet& collectors, const Trees& trees, Log& log) {
  const auto silent = silent_ones(collectors);
  if (!silent.empty() && shows_processes_alone(trees.procfs)) {
    log.warn("procfs shows processes alone (subset=pid), so these collectors have nothing to tell",
             {{"collectors", silent},
              {"needs", "a procfs mounted without subset=pid (ProcSubset=all in a unit)"},
              {"path", trees.procfs.path()}});
  }
  ReadErrors errors;
  if (is_on(collectors, "cgroup") && !CgroupFinder(trees).find(errors)) {
    log.warn("no hierarchy of memory cgroups found, so the collector cgroup has nothing to tell",
             {{"needs",
               "the host's cgroups in --path.sysfs, or in --path.rootfs where mountinfo "
               "has them elsewhere"},
              {"path", trees.sysfs.path()}});
  }
}

}  // namespace memory_exporter
