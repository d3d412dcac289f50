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

/// One collector's run, whatever it does.
Status run(const Collector& collector, const process::Snapshot& processes, MetricSink& sink) {
  try {
    return collector.collect(processes, sink);
  } catch (const std::exception& failed) {
    return Error{ErrorKind::failed, failed.what(), {}, 0};
  }
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
            Clock::time_point deadline, const SelfMetrics& self, Log& log, MetricSink& sink) {
  std::vector<CollectorRun> runs;
  const process::Snapshot none;
  std::optional<Result<SnapshotSource::Snapshot>> snapshot;
  for (std::size_t i = 0; i < selection.wanted.size(); ++i) {
    if (!selection.wanted[i]) continue;
    const auto& active = (*selection.collectors)[i];
    const auto& collector = *active.collector;
    const auto start = Clock::now();
    if (active.reads_processes && !snapshot) snapshot = processes(deadline);
    Status outcome = Done{};
    if (!active.reads_processes) {
      outcome = run(collector, none, sink);
    } else if (*snapshot) {
      outcome = run(collector, ***snapshot, sink);
    } else {
      outcome = snapshot->error();
    }
    if (!outcome) {
      log.warn("collector failed", {{"collector", std::string(collector.name())},
                                    {"error", outcome.error().message()}});
    }
    runs.push_back({collector.name(), Clock::now() - start, outcome.ok()});
  }
  const bool have_processes = snapshot && snapshot->ok();
  self.write(runs, have_processes ? (**snapshot).get() : nullptr, sink);
}

}  // namespace memory_exporter
