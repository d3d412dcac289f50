#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "collectors/metric_sink.h"
#include "collectors/process/facts/snapshot.h"
#include "collectors/procfs/reader.h"
#include "collectors/read_failures.h"
#include "daemon/log.h"

namespace memory_exporter {

/// How one collector did in one scrape.
struct CollectorRun {
  std::string_view name;
  std::chrono::nanoseconds duration;
  bool ok;
  bool timed_out = false;  ///< not done by the deadline
};

/// Every family that the exporter writes about itself: memory_exporter_* and process_*.
std::span<const Family> self_families();

/// What the exporter knows of itself: its own counts, kept in a prometheus-cpp registry; how the
/// collectors did; what reading processes cost; and the standard process_* of this process.
class SelfMetrics {
 public:
  /// `procfs` is the procfs this process itself is in, whatever --path.procfs says. `log` is asked
  /// for the lines it lost, and must outlive this; null: none is lost.
  explicit SelfMetrics(procfs::Tree procfs, const Log* log = nullptr);

  /// A scrape that is being answered, for as long as this lives.
  class InFlight {
   public:
    explicit InFlight(prometheus::Gauge& gauge) : gauge_(gauge) { gauge_.Increment(); }
    ~InFlight() { gauge_.Decrement(); }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;

   private:
    prometheus::Gauge& gauge_;
  };
  InFlight scrape_in_flight() { return InFlight(*scrapes_in_flight_); }

  /// Whether this process may walk the page tables of other users' processes: it has
  /// CAP_SYS_PTRACE, or CAP_PERFMON, which newer kernels accept as well. True where that cannot be
  /// told.
  bool may_trace() const;

  /// What collectors could not read, whoever runs them.
  ReadErrorCounts& read_error_counts() { return read_errors_; }

  void count_request(int status_code);
  void configuration_loaded(bool good);

  /// Writes all of self_families() that is known. `processes` is null where this scrape collected
  /// none: then what is told of them is absent, but for the errors met so far.
  void write(std::span<const CollectorRun> runs, const process::Snapshot* processes,
             MetricSink& sink);

 private:
  void write_runs(std::span<const CollectorRun> runs, MetricSink& sink);
  void write_read_errors(const process::Snapshot* processes, MetricSink& sink);
  void write_registry(MetricSink& sink) const;
  void write_own_process(MetricSink& sink) const;

  const procfs::Tree procfs_;
  const Log* log_;
  std::optional<double> start_time_seconds_;
  ReadErrorCounts read_errors_;
  std::mutex mutex_;
  std::map<std::string, std::uint64_t, std::less<>> timeouts_;  ///< by collector
  ReadErrorTotals of_processes_;  ///< the most that a snapshot has told
  prometheus::Registry registry_;
  prometheus::Gauge* scrapes_in_flight_ = nullptr;
  prometheus::Family<prometheus::Counter>* requests_ = nullptr;
  prometheus::Gauge* reload_successful_ = nullptr;
  prometheus::Gauge* reload_success_time_ = nullptr;
};

}  // namespace memory_exporter
