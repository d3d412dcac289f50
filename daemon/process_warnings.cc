#include "daemon/process_warnings.h"

#include <utility>

namespace memory_exporter {

void ProcessWarnings::look_at(const process::Snapshot& snapshot) {
  Seen now{.folded = snapshot.groups_folded > 0};
  for (const auto& lane : snapshot.readers) {
    now.hung = now.hung || lane.hung > 0;
    now.paused = now.paused || lane.paused;
    now.start_failures += lane.start_failures;
  }
  Seen before;
  {
    const std::lock_guard lock(mutex_);
    now.unsupported = seen_.unsupported || snapshot.counts.unsupported > 0;
    before = std::exchange(seen_, now);
  }
  if (now.folded && !before.folded) {
    log_.warn("too many process groups: the smallest are counted in one called other",
              {{"raise", "max_groups"}});
  }
  if (now.hung && !before.hung) {
    log_.warn("a read of a process hangs: something holds its memory map",
              {{"see", "memory_group_unmeasured_resident_bytes{reason=\"stuck\"}"}});
  }
  if (now.start_failures > before.start_failures) {
    log_.warn("a thread for reads of processes could not be started",
              {{"look_at", "TasksMax, RLIMIT_NPROC, memory"}});
  }
  if (now.paused && !before.paused) {
    log_.warn("reads of processes pause: every thread for them hangs or could not be started",
              {{"see", "memory_exporter_sampling_paused"}});
  }
  if (now.unsupported && !before.unsupported) {
    log_.warn("this kernel does not tell PSS and USS: no smaps_rollup and no smaps in /proc/PID",
              {{"needs", "a kernel with CONFIG_PROC_PAGE_MONITOR"},
               {"processes", std::to_string(snapshot.counts.unsupported)},
               {"path", procfs_}});
  }
}

}  // namespace memory_exporter
