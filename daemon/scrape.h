#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/collector.h"
#include "collectors/process/monitor.h"
#include "collectors/registry.h"
#include "config/settings.h"
#include "daemon/log.h"
#include "daemon/selection.h"
#include "daemon/self_metrics.h"
#include "daemon/snapshot_source.h"
#include "daemon/task_runner.h"

namespace memory_exporter {

/// The collectors of the table that the settings leave on, as they want them.
std::shared_ptr<const CollectorSet> make_collectors(const Trees& trees,
                                                    const config::Settings& settings);

/// What their collectors need of processes beyond the usual.
process::Extras extras_of(const CollectorSet& collectors);

/// When the last byte has to be ready, for a scrape that may take `timeout`: some time is left for
/// the way back.
std::chrono::nanoseconds time_for_scrape(std::chrono::nanoseconds timeout);

/// Where a scrape gets its processes from.
using ProcessSnapshots =
    std::function<Result<SnapshotSource::Snapshot>(SnapshotSource::Clock::time_point deadline)>;

/// Which collectors hang, for the log: a line when one begins to, and one when it is back. Safe to
/// share between threads.
class HangingCollectors {
 public:
  /// True where it did not hang before.
  bool add(std::string_view collector);
  /// True where it did.
  bool remove(std::string_view collector);

 private:
  std::mutex mutex_;
  std::set<std::string, std::less<>> names_;
};

/// What scrapes have in common. What hangs in the kernel is left behind and owns its part of it.
struct Collecting {
  std::shared_ptr<const Trees> trees;
  std::shared_ptr<MeminfoReads> meminfo_reads = std::make_shared<MeminfoReads>();
  TaskRunner runner = TaskRunner();
  HangingCollectors hanging = {};
};

/// Runs the wanted collectors into the sink, and writes the exporter's own families behind them.
/// What one cannot read, or that it throws, is logged and counted; the others are not affected.
/// A run is a failure where it wrote nothing and met an error, where it was not done by the
/// deadline, where the exporter's own descriptors or memory ran out, and where it threw.
///
/// Collectors that read files run on threads of their own, into a buffer that is dropped where it
/// comes late: a read that hangs costs its collector its values, and nobody his deadline. Of the
/// time there is, a fifth (half a second at most) is kept for them from the wait for processes.
void scrape(const Selection& selection, const ProcessSnapshots& processes,
            SnapshotSource::Clock::time_point deadline, Collecting& collecting, SelfMetrics& self,
            Log& log, MetricSink& sink);

}  // namespace memory_exporter
