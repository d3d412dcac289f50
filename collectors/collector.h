#pragma once

#include <span>
#include <string_view>

#include "collectors/base/result.h"
#include "collectors/metric_sink.h"
#include "collectors/process/facts/snapshot.h"
#include "collectors/procfs/reader.h"

namespace memory_exporter {

/// The kernel's trees, as the operator named them.
struct Trees {
  procfs::Tree procfs;  ///< --path.procfs
  procfs::Tree sysfs;   ///< --path.sysfs
  procfs::Tree rootfs;  ///< --path.rootfs
};

/// One subject of /metrics, in one file. Several requests may collect at once: collect() is const,
/// keeps no state of its own and takes its buffers on its stack.
class Collector {
 public:
  virtual ~Collector() = default;

  /// As in --collector.NAME, collect[]=NAME and the label `collector`.
  virtual std::string_view name() const = 0;

  /// Every family it can write, whether this machine has it or not: docs/metrics.md is held
  /// against this list.
  virtual std::span<const Family> families() const = 0;

  /// Writes what is known now. Reads and parses before it writes, so that a failure leaves no half
  /// family behind. A missing file is normal (no swap, no PSI): no samples, and success. Denied,
  /// malformed and I/O errors are returned; they make memory_exporter_collector_success 0 and
  /// leave every other collector alone.
  virtual Status collect(const process::Snapshot& processes, MetricSink& sink) const = 0;
};

}  // namespace memory_exporter
