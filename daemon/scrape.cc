#include "daemon/scrape.h"

#include <algorithm>
#include <optional>

#include "config/suggest.h"

namespace memory_exporter {
namespace {

using Clock = SnapshotSource::Clock;

Result<std::vector<bool>> named(const CollectorSet& collectors,
                                const std::vector<std::string>& names, std::string_view parameter) {
  std::vector<std::string_view> known;
  for (const auto& active : collectors) known.push_back(active.collector->name());
  std::vector<bool> found(collectors.size());
  for (const auto& name : names) {
    const auto at = std::find(known.begin(), known.end(), name);
    if (at == known.end()) {
      return malformed(std::string(parameter) + ": no collector of this name is on: \"" + name +
                       '"' + config::did_you_mean(name, known));
    }
    found[static_cast<std::size_t>(at - known.begin())] = true;
  }
  return found;
}

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

/// One collector's run, whatever it does; whether it was a success.
bool run(const Collector& collector, const process::Snapshot& processes, SharedMeminfo& meminfo,
         ReadErrors& errors, MetricSink& sink) {
  WatchedSink watched(sink);
  Collection collection{processes, watched, meminfo, errors};
  try {
    collector.collect(collection);
  } catch (const std::exception& failed) {
    errors.meet(Error{ErrorKind::failed, failed.what(), {}, 0});
    return false;
  }
  return !errors.exhausted() && (watched.wrote() || !errors.any());
}

/// Says once what cannot be read, and at every scrape what fails for it.
void report(std::string_view collector, const ReadErrors& errors, bool ok, SelfMetrics& self,
            Log& log) {
  const auto say = [&](auto level, std::string_view what, const Error& error) {
    (log.*level)(what, {{"collector", std::string(collector)}, {"error", error.message()}});
  };
  const auto fresh = self.read_error_counts().add(errors);
  if (!ok) {
    say(&Log::warn, "collector failed", errors.noted().front().error);
    return;
  }
  for (const auto& noted : fresh) {
    say(&Log::warn, "cannot be read and is absent, which is said once", noted.error);
  }
  for (const auto& noted : errors.noted())
    say(&Log::debug, "cannot be read and is absent", noted.error);
}

}  // namespace

std::shared_ptr<const CollectorSet> make_collectors(const Trees& trees,
                                                    const config::CollectorSettings& settings,
                                                    bool disable_defaults) {
  const auto options = config::collector_options(settings);
  auto collectors = std::make_shared<CollectorSet>();
  for (const auto& entry : collector_table()) {
    const auto chosen = settings.on.find(entry.name);
    const bool on =
        chosen != settings.on.end() ? chosen->second : entry.on_by_default && !disable_defaults;
    if (!on) continue;
    collectors->push_back({entry.make(trees, options), entry.reads_processes, entry.extras});
  }
  return collectors;
}

process::Extras extras_of(const CollectorSet& collectors) {
  auto extras = process::Extras::none;
  for (const auto& active : collectors) extras = extras | active.extras;
  return extras;
}

Result<Selection> select(std::shared_ptr<const CollectorSet> collectors,
                         const std::vector<std::string>& collect,
                         const std::vector<std::string>& exclude) {
  if (!collect.empty() && !exclude.empty()) {
    return malformed("collect[] and exclude[] do not go together: give one of the two");
  }
  const bool excluding = collect.empty();
  auto found = excluding ? named(*collectors, exclude, "exclude[]")
                         : named(*collectors, collect, "collect[]");
  if (!found) return found.error();
  if (excluding) found->flip();
  return Selection{std::move(collectors), std::move(*found)};
}

std::chrono::nanoseconds time_for_scrape(std::chrono::nanoseconds timeout) {
  return std::max(timeout - std::chrono::milliseconds(500), timeout / 2);
}

void scrape(const Selection& selection, const ProcessSnapshots& processes,
            Clock::time_point deadline, const procfs::Tree& procfs, SelfMetrics& self, Log& log,
            MetricSink& sink) {
  std::vector<CollectorRun> runs;
  const process::Snapshot none;
  SharedMeminfo meminfo(procfs);
  std::optional<Result<SnapshotSource::Snapshot>> snapshot;
  for (std::size_t i = 0; i < selection.wanted.size(); ++i) {
    if (!selection.wanted[i]) continue;
    const auto& active = (*selection.collectors)[i];
    const auto& collector = *active.collector;
    const auto start = Clock::now();
    if (active.reads_processes && !snapshot) snapshot = processes(deadline);
    ReadErrors errors;
    bool ok = false;
    if (active.reads_processes && !*snapshot) {
      errors.meet(snapshot->error());
    } else {
      ok = run(collector, active.reads_processes ? ***snapshot : none, meminfo, errors, sink);
    }
    report(collector.name(), errors, ok, self, log);
    runs.push_back({collector.name(), Clock::now() - start, ok});
  }
  const bool have_processes = snapshot && snapshot->ok();
  self.write(runs, have_processes ? (**snapshot).get() : nullptr, sink);
}

}  // namespace memory_exporter
