#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "collectors/process/monitor.h"
#include "config/settings.h"
#include "daemon/expositions.h"
#include "daemon/heap_trim.h"
#include "daemon/http/http_message.h"
#include "daemon/http/router.h"
#include "daemon/log.h"
#include "daemon/process_warnings.h"
#include "daemon/scrape.h"
#include "daemon/self_metrics.h"
#include "daemon/snapshot_source.h"

namespace memory_exporter {

/// The exporter without its sockets: the trees, the monitor of processes, the collectors, and what
/// is answered to each request. Safe to call from many threads.
class Exporter {
 public:
  /// What a reload brings into force, or why it may not.
  using Load = std::function<Result<config::Settings>()>;

  /// Fails where a tree cannot be opened; the error names its flag.
  static Result<std::unique_ptr<Exporter>> make(const config::Settings& settings, Log& log,
                                                Load load = {});

  /// The first look at the processes, without PSS, where a collector reads them. Then the exporter
  /// is ready.
  Status prepare();

  /// The whole exposition as text, every process measured, however long it takes.
  std::string once();

  /// Loads the settings again. All that a file can say is in force from the next collection on;
  /// what flags alone say cannot have changed. Where they cannot be loaded, nothing changes.
  Status reload();

  /// How a POST to /-/reload gets its reload done: on the main thread, because the server's threads
  /// have small stacks.
  void on_reload_request(std::function<Status()> function) {
    reload_request_ = std::move(function);
  }

  HttpReply handle(const HttpRequest& request);

  /// A request that was refused before it could be handled.
  void count_refused(int status) { self_.count_request(status); }

  /// Called where the bytes of replies are short, to cut off who holds them without a claim.
  void on_shortage(std::function<void()> shed) { expositions_.on_shortage(std::move(shed)); }

  /// Answers what is under way with 503. False when a read hangs in the kernel.
  bool stop();

 private:
  /// What the collecting thread uses, and so may outlive the exporter. The monitor takes one caller
  /// at a time, and a scrape may come before the exporter is ready.
  class Processes {
   public:
    Processes(Trees opened, const process::Settings& settings);

    /// Ends the thread for what may hang; false where it was left behind.
    bool stop() { return looks_->stop(); }

    Result<SnapshotSource::Snapshot> collect(SnapshotSource::Clock::time_point deadline);
    Result<SnapshotSource::Snapshot> collect_status_only() {
      const std::lock_guard lock(mutex_);
      return monitor_.collect_status_only();
    }

    /// From the next collection on. `extras`: what the collectors that are on need.
    void use(std::shared_ptr<const process::Settings> settings, process::Extras extras);

    const std::shared_ptr<const Trees> trees;

   private:
    /// For what a collection reads beside the processes, and does not wait for: see MayHang.
    const std::shared_ptr<TaskRunner> looks_ = std::make_shared<TaskRunner>(4);
    std::mutex wishes_mutex_;  ///< over the two below, and held for nothing else
    std::shared_ptr<const process::Settings> settings_;
    process::Extras extras_ = process::Extras::none;
    std::mutex mutex_;  ///< for as long as a collection lasts
    process::Monitor monitor_;
    HeapTrim trim_;
  };

  /// What a reload swaps.
  struct InForce {
    std::shared_ptr<const config::Settings> settings;
    std::shared_ptr<const CollectorSet> collectors;
    std::uint64_t generation = 0;  ///< how many there were before
  };

  Exporter(const config::Settings& settings, Trees trees, Log& log, Load load);

  void use(config::Settings settings);

  SnapshotSource::Clock::time_point first_look_until() const;
  void look_at_trees(const std::shared_ptr<const CollectorSet>& active);
  Status look_at_processes();
  void warn_of_missing_processes(const process::ProcessCounts& counts);
  void warn_of_cgroups_outside(const process::Snapshot& snapshot);
  std::vector<Endpoint> endpoints();
  HttpReply metrics(const HttpRequest& request);
  Expositions::Outcome scrape_into(const Selection& selection,
                                   SnapshotSource::Clock::time_point deadline, MetricSink& sink);
  HttpReply landing_page() const;
  HttpReply ready() const;
  HttpReply reload_request();
  InForce in_force() const;

  const config::Settings start_;  ///< what flags alone say stays as it was at the start
  Log& log_;
  const Load load_;
  const std::shared_ptr<Processes> processes_;
  SnapshotSource source_;
  Collecting collecting_;
  SelfMetrics self_;
  ProcessWarnings warnings_;
  std::function<Status()> reload_request_;
  std::atomic<bool> ready_ = false;
  std::atomic<bool> stopping_ = false;
  Expositions expositions_;
  const Router router_;

  mutable std::mutex mutex_;  ///< over what a reload changes
  InForce in_force_;
};

}  // namespace memory_exporter
