#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "collectors/process/facts/clock.h"
#include "collectors/process/facts/settings.h"
#include "collectors/process/facts/snapshot.h"
#include "collectors/procfs/reader.h"

namespace memory_exporter::process {

/// Watches the processes of one procfs. Nothing runs on a timer: it works when collect() is called.
class Monitor {
 public:
  /// The tree must outlive the monitor.
  explicit Monitor(const procfs::Tree& procfs, Settings settings = {}, Now now = &Clock::now,
                   MonitorOptions options = {});
  ~Monitor();  ///< does not wait for a read that hangs in the kernel

  /// Refreshes the process table, waits for samples until `deadline` or Settings::pss_wait, and
  /// adds up. `settings` are in force from this collection on, with all that is known of processes
  /// and all counters kept; null: those before. One caller at a time. Fails as
  /// ProcessTable::refresh() does; the counters and all that is known of the processes stay for the
  /// next one.
  Result<std::shared_ptr<const Snapshot>> collect(Clock::time_point deadline,
                                                  Extras extras = Extras::none,
                                                  std::shared_ptr<const Settings> settings = {});

  /// The same without any sampling: what start-up needs to be ready.
  Result<std::shared_ptr<const Snapshot>> collect_status_only();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace memory_exporter::process
