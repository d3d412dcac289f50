#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "collectors/process/monitor.h"
#include "daemon/expositions.h"
#include "daemon/flags.h"
#include "daemon/heap_trim.h"
#include "daemon/http/http_message.h"
#include "daemon/http/router.h"
#include "daemon/log.h"
#include "daemon/process_warnings.h"
#include "daemon/scrape.h"
#include "daemon/self_metrics.h"
#include "daemon/snapshot_source.h"

namespace memory_exporter {

/// The configuration in force: the file's, under the command line's.
Result<config::Settings> load_settings(const Options& options);

/// The exporter without its sockets: the trees, the monitor of processes, the collectors, and what
/// is answered to each request. Safe to call from many threads.
class Exporter {
 public:
  /// Fails where a tree cannot be opened; the error names its flag.
  static Result<std::unique_ptr<Exporter>> make(const Options& options,
                                                const config::Settings& settings, Log& log);

  /// The first look at the processes, without PSS, where a collector reads them. Then the exporter
  /// is ready.
  Status prepare();

  /// The whole exposition as text, every process measured, however long it takes.
  std::string once();

  /// Reads the configuration file again. What it says of collectors and max_groups is in force at
  /// once; the rest waits for a restart, and the log says so. A file with a mistake,
  /// or that may not be (see allow_reloads()), changes nothing.
  Status reload();

  /// How a POST to /-/reload gets its reload done: on the main thread, because the server's threads
  /// have small stacks.
  void on_reload_request(std::function<Status()> function) {
    reload_request_ = std::move(function);
  }

  /// Which settings a reload may bring; any, unless this is called. To be called before the first
  /// reload.
  void allow_reloads(std::function<Status(const config::Settings&)> allow) {
    allow_reload_ = std::move(allow);
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
    Processes(Trees opened, process::Options options);

    /// Ends the thread for what may hang; false where it was left behind.
    bool stop() { return looks_->stop(); }

    Result<SnapshotSource::Snapshot> collect(SnapshotSource::Clock::time_point deadline);
    Result<SnapshotSource::Snapshot> collect_status_only() {
      const std::lock_guard lock(mutex_);
      return monitor_.collect_status_only();
    }

    /// What the collectors that are on need; in force from the next collection on.
    void set_extras(process::Extras extras) { extras_ = extras; }
    void set_max_groups(std::size_t max_groups) { monitor_.set_max_groups(max_groups); }

    const std::shared_ptr<const Trees> trees;

   private:
    /// For what a collection reads beside the processes, and does not wait for: see MayHang.
    const std::shared_ptr<TaskRunner> looks_ = std::make_shared<TaskRunner>(4);
    std::atomic<process::Extras> extras_ = process::Extras::none;
    std::mutex mutex_;
    process::Monitor monitor_;
    HeapTrim trim_;
  };

  /// The collectors in force, and how many there were before them.
  struct ActiveCollectors {
    std::shared_ptr<const CollectorSet> set;
    std::uint64_t generation = 0;
  };

  Exporter(Options options, config::Settings settings, Trees trees, Log& log);

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
  ActiveCollectors collectors() const;

  const Options options_;
  Log& log_;
  const std::shared_ptr<Processes> processes_;
  SnapshotSource source_;
  Collecting collecting_;
  SelfMetrics self_;
  ProcessWarnings warnings_;
  std::function<Status()> reload_request_;
  std::function<Status(const config::Settings&)> allow_reload_;
  std::atomic<bool> ready_ = false;
  std::atomic<bool> stopping_ = false;
  Expositions expositions_;
  const Router router_;

  mutable std::mutex mutex_;  ///< over what a reload changes
  config::Settings settings_;
  ActiveCollectors collectors_;
};

}  // namespace memory_exporter
