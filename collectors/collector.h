#pragma once

#include <chrono>
#include <span>
#include <string_view>

#include "collectors/metric_sink.h"
#include "collectors/process/facts/snapshot.h"
#include "collectors/procfs/reader.h"
#include "collectors/read_failures.h"
#include "collectors/shared_meminfo.h"

namespace memory_exporter {

/// The kernel's trees, as the operator named them.
struct Trees {
  procfs::Tree procfs;  ///< --path.procfs
  procfs::Tree sysfs;   ///< --path.sysfs
  procfs::Tree rootfs;  ///< --path.rootfs
};

/// One collector's part in one scrape: what it is given, and where its findings go.
struct Collection {
  const process::Snapshot& processes;
  MetricSink& sink;
  SharedMeminfo& meminfo;
  ReadErrors& errors;
  /// When it has to be done. Asked between cgroups, nodes and the like, of which there may be many;
  /// what has been read by then is written.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  bool late = false;  ///< whether it was not done by then

  bool out_of_time() {
    late = late || std::chrono::steady_clock::now() >= deadline;
    return late;
  }
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

  /// Writes what is known now. What cannot be read (a file, a line, a directory, a disk) is absent
  /// and in `collection.errors`, and the rest is written; a missing file is normal (no swap, no
  /// PSI). Whether that was a success is not the collector's to say: see scrape().
  virtual void collect(Collection& collection) const = 0;
};

}  // namespace memory_exporter
