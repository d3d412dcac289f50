#include "daemon/scrape.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "collectors/sample_buffer.h"

namespace memory_exporter {
namespace {

using Clock = SnapshotSource::Clock;

/// Passes everything on and knows whether there was a sample.
class WatchedSink final : public MetricSink {
 public:
  explicit WatchedSink(MetricSink& sink) : sink_(sink) {}

  void family(const Family& family) override { sink_.family(family); }
  void sample(std::span<const Label> labels, Value value) override {
    wrote_ = true;
    sink_.sample(labels, value);
  }

  bool wrote() const { return wrote_; }

 private:
  MetricSink& sink_;
  bool wrote_ = false;
};

/// What a run of one collector needs and what comes of it. It owns all of that together with the
/// thread that it runs on.
struct Run {
  std::shared_ptr<const CollectorSet> collectors;
  const ActiveCollector& active;
  std::shared_ptr<const Trees> trees;
  SnapshotSource::Snapshot processes;
  std::shared_ptr<SharedMeminfo> meminfo;
  Clock::time_point deadline;

  SampleBuffer samples{};
  ReadErrors errors{};
  Clock::duration duration{};
  bool wrote = false;
  bool threw = false;
  bool timed_out = false;

  std::string_view name() const { return active.collector->name(); }
  bool ok() const {
    return !threw && !timed_out && !errors.exhausted() && (wrote || !errors.any());
  }
};

/// One collector's run, whatever it does.
void collect(Run& run, MetricSink& sink) {
  const auto start = Clock::now();
  WatchedSink watched(sink);
  Collection collection{*run.processes, watched, *run.meminfo, run.errors, run.deadline};
  try {
    run.active.collector->collect(collection);
  } catch (const std::exception& failed) {
    run.threw = true;
    run.errors.meet(Error{ErrorKind::failed, failed.what(), {}, 0});
  }
  run.wrote = watched.wrote();
  run.timed_out = collection.late;
  run.duration = Clock::now() - start;
}

/// Says once what cannot be read, and at every scrape what fails for it.
void report(const Run& run, SelfMetrics& self, Log& log) {
  const auto say = [&](auto level, std::string_view what, const std::string& error) {
    (log.*level)(what, {{"collector", std::string(run.name())}, {"error", error}});
  };
  const auto fresh = self.read_error_counts().add(run.errors);
  if (!run.ok()) {
    const auto& noted = run.errors.noted();
    say(&Log::warn, "collector failed",
        noted.empty() ? "it was not done by the deadline, the rest is absent"
                      : noted.front().error.message());
    return;
  }
  for (const auto& noted : fresh) {
    say(&Log::warn, "cannot be read and is absent, which is said once", noted.error.message());
  }
  for (const auto& noted : run.errors.noted()) {
    say(&Log::debug, "cannot be read and is absent", noted.error.message());
  }
}

/// One that did not come back in time. Its findings belong to its thread.
void report_late(std::string_view collector, HangingCollectors& hanging, Log& log) {
  const std::string name(collector);
  if (hanging.add(collector)) {
    log.warn(
        "a collector is not done by the deadline: it is absent, and not run again before it is",
        {{"collector", name}});
  } else {
    log.debug("a collector still hangs, and is absent", {{"collector", name}});
  }
}

void report_back(std::string_view collector, HangingCollectors& hanging, Log& log) {
  if (hanging.remove(collector)) {
    log.info("a collector that hung is back", {{"collector", std::string(collector)}});
  }
}

/// The time of a scrape, which processes and the rest share.
struct Deadlines {
  explicit Deadlines(Clock::time_point deadline) : all(deadline) {
    constexpr Clock::duration most_kept = std::chrono::milliseconds(500);
    processes = deadline - std::min<Clock::duration>((deadline - Clock::now()) / 5, most_kept);
  }

  const Clock::time_point all;
  Clock::time_point processes;
};

/// Where nobody is in a hurry (--once), a file that hangs must still not hang it.
constexpr std::chrono::minutes longest_run{1};

}  // namespace

bool HangingCollectors::add(std::string_view collector) {
  const std::lock_guard lock(mutex_);
  return names_.emplace(collector).second;
}

bool HangingCollectors::remove(std::string_view collector) {
  const std::lock_guard lock(mutex_);
  const auto at = names_.find(collector);
  if (at == names_.end()) return false;
  names_.erase(at);
  return true;
}

std::shared_ptr<const CollectorSet> make_collectors(const Trees& trees,
                                                    const config::Settings& settings) {
  const CollectorOptions options{settings.collectors};
  auto collectors = std::make_shared<CollectorSet>();
  for (const auto& entry : collector_table()) {
    if (!settings.switches.is_on(entry)) continue;
    collectors->push_back(
        {entry.make(trees, options), entry.reads_processes, entry.extras, entry.reads_files});
  }
  return collectors;
}

process::Extras extras_of(const CollectorSet& collectors) {
  auto extras = process::Extras::none;
  for (const auto& active : collectors) extras = extras | active.extras;
  return extras;
}

std::chrono::nanoseconds time_for_scrape(std::chrono::nanoseconds timeout) {
  return std::max(timeout - std::chrono::milliseconds(500), timeout / 2);
}

void scrape(const Selection& selection, const ProcessSnapshots& processes,
            Clock::time_point deadline, Collecting& collecting, SelfMetrics& self, Log& log,
            MetricSink& sink) {
  const Deadlines deadlines(deadline);
  const auto begin = Clock::now();
  const auto& all = *selection.collectors;
  std::optional<Result<SnapshotSource::Snapshot>> snapshot;
  for (std::size_t i = 0; i < all.size() && !snapshot; ++i) {
    if (selection.wanted[i] && all[i].reads_processes) snapshot = processes(deadlines.processes);
  }
  const bool have_processes = snapshot && snapshot->ok();

  const auto now = Clock::now();
  const auto until = std::min<Clock::time_point>(deadline, now + longest_run);
  const auto left = std::max<Clock::duration>(until - now, Clock::duration::zero());
  const auto meminfo = std::make_shared<SharedMeminfo>(collecting.trees->procfs,
                                                       collecting.meminfo_reads, now + left / 2);
  const auto none = std::make_shared<const process::Snapshot>();
  std::vector<std::shared_ptr<Run>> runs;
  std::vector<TaskRunner::Task> tasks;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!selection.wanted[i]) continue;
    const auto& of_run = have_processes && all[i].reads_processes ? **snapshot : none;
    runs.push_back(std::make_shared<Run>(
        Run{selection.collectors, all[i], collecting.trees, of_run, meminfo, until - left / 10}));
    if (!all[i].reads_files || (all[i].reads_processes && !have_processes)) continue;
    tasks.push_back(
        {std::string(runs.back()->name()), [run = runs.back()] { collect(*run, run->samples); }});
  }
  const auto batch = collecting.runner.start(std::move(tasks));
  std::optional<std::vector<TaskRunner::Outcome>> outcomes;
  std::size_t next_outcome = 0;

  std::vector<CollectorRun> results;
  auto waited_for_processes = now - begin;  // goes to the first that reads them
  for (const auto& run : runs) {
    const auto waited = run->active.reads_processes
                            ? std::exchange(waited_for_processes, Clock::duration::zero())
                            : Clock::duration::zero();
    if (run->active.reads_processes && !have_processes) {
      const auto& error = snapshot->error();
      run->errors.meet(error);
      run->threw = true;
      run->timed_out = error.kind == ErrorKind::timeout;
      const bool said = run->timed_out && !collecting.hanging.add(run->name());
      if (!said) report(*run, self, log);
      results.push_back({run->name(), waited, false, run->timed_out});
      continue;
    }
    if (!run->active.reads_files) {
      collect(*run, sink);
    } else {
      if (!outcomes) outcomes = collecting.runner.wait(batch, until);
      const auto outcome = (*outcomes)[next_outcome++];
      if (outcome != TaskRunner::Outcome::done) {
        report_late(run->name(), collecting.hanging, log);
        results.push_back({run->name(), waited + (Clock::now() - now), false, true});
        continue;
      }
      run->samples.replay(sink);
    }
    report_back(run->name(), collecting.hanging, log);
    report(*run, self, log);
    results.push_back({run->name(), waited + run->duration, run->ok(), run->timed_out});
  }
  self.write(results, have_processes ? (**snapshot).get() : nullptr, sink);
}

}  // namespace memory_exporter
