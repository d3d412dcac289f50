#include "collectors/process/monitor.h"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "collectors/process/groups.h"
#include "collectors/process/process_table.h"
#include "collectors/process/sampler.h"
#include "collectors/process/sampling_policy.h"

namespace memory_exporter::process {
namespace {

std::optional<bool> memory_cannot_be_compared(pid_t, pid_t) {
  return std::nullopt;
}

/// kcmp takes pids of our own namespace: of use only where the procfs shows the same ones.
SameMemory memory_comparison_for(const procfs::Tree& procfs) {
  const auto self = procfs.read_link("self");
  const bool ours = self && *self == std::to_string(::getpid());
  return ours ? same_memory_by_kcmp : memory_cannot_be_compared;
}

}  // namespace

struct Monitor::Parts {
  Parts(const procfs::Tree& procfs, Options settings, Now clock)
      : options(std::move(settings)),
        now(std::move(clock)),
        table(procfs, {options.group_by, options.pss_max_age, memory_comparison_for(procfs)}),
        sampler(procfs,
                {options.pss_cpu_budget, options.pss_burst, options.pss_mode == PssMode::exact},
                now) {}

  Status refresh(Extras extras);
  void walk(Clock::time_point deadline);
  void accept(const Walk& walk);
  void note_stuck();
  void count(const Process& process, ProcessCounts& counts);
  std::shared_ptr<const Snapshot> publish();

  const Options options;
  const Now now;
  ProcessTable table;
  Sampler sampler;
  Clock::time_point began;      ///< of the collection under way
  Clock::time_point refreshed;  ///< end of its refresh
};

Status Monitor::Parts::refresh(Extras extras) {
  if (auto done = table.refresh(now(), extras); !done) return done;
  refreshed = now();
  return Done{};
}

/// Hands the candidates to the sampler and waits as long as a scrape may.
void Monitor::Parts::walk(Clock::time_point deadline) {
  sampler.submit(choose_walks(table.processes(), options, began, now()));
  std::chrono::nanoseconds wait = std::max(deadline - now(), Clock::duration::zero());
  if (options.pss_mode == PssMode::budgeted) wait = std::min(wait, options.pss_wait);
  sampler.wait(wait);
}

/// A walk counts if the process was the same before and after it: in the table, which read it
/// before, and in a later refresh or, where there was none yet, in the kernel now.
void Monitor::Parts::accept(const Walk& walk) {
  auto* process = table.find(walk.request.id, walk.request.image);
  if (process == nullptr) return;
  if (!walk.memory) {
    const auto kind = walk.memory.error().kind;
    if (kind == ErrorKind::vanished) return;
    if (kind == ErrorKind::denied) process->denied_at = walk.taken;
    process->sample.reset();
    table.count_error("smaps_rollup", kind);
    return;
  }
  if (!walk.memory->pss) return;  // its memory went while we read
  if (walk.taken > refreshed && !table.still_runs(walk.request.id, walk.request.image)) return;
  // What status said closest to the walk: this collection's refresh, or the one it was asked in.
  const bool ours = walk.began >= began;
  process->denied_at.reset();
  process->sample = Sample{*walk.memory,
                           walk.began,
                           walk.taken,
                           walk.held(),
                           walk.cpu,
                           ours ? process->resident() : walk.request.resident,
                           ours ? process->swap() : walk.request.swap,
                           ours ? process->faults() : walk.request.faults};
}

void Monitor::Parts::note_stuck() {
  const auto ids = sampler.stuck();
  for (auto& [pid, process] : table.processes()) {
    process.stuck = std::find(ids.begin(), ids.end(), process.id) != ids.end();
  }
}

void Monitor::Parts::count(const Process& process, ProcessCounts& counts) {
  if (process.ended) {
    ++counts.zombie;
    return;
  }
  const auto* measured = &process;
  if (process.memory_owner) measured = &table.processes().at(*process.memory_owner);
  if (measured->sample) {
    ++counts.measured;
  } else if (measured->denied_at) {
    ++counts.denied;
  } else {
    ++counts.pending;
  }
}

std::shared_ptr<const Snapshot> Monitor::Parts::publish() {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->dimensions = options.group_by;
  snapshot->counts.kernel = table.others().kernel;
  snapshot->counts.denied = table.others().denied;
  snapshot->counts.hidden = table.others().hidden;
  const auto moment = now();
  for (const auto& [pid, process] : table.processes()) {
    count(process, snapshot->counts);
    if (!process.ended) table.groups().add(process, moment);
  }
  snapshot->groups = table.groups().publish(moment);
  snapshot->sampling = sampler.cost();
  snapshot->read_errors = table.read_errors();
  return snapshot;
}

Monitor::Monitor(const procfs::Tree& procfs, Options options, Now now)
    : parts_(std::make_unique<Parts>(procfs, std::move(options), std::move(now))) {}

Monitor::~Monitor() = default;

Result<std::shared_ptr<const Snapshot>> Monitor::collect_status_only() {
  if (auto done = parts_->refresh(Extras::none); !done) return done.error();
  return parts_->publish();
}

Result<std::shared_ptr<const Snapshot>> Monitor::collect(Clock::time_point deadline,
                                                         Extras extras) {
  auto& parts = *parts_;
  parts.began = parts.now();
  // Exact mode walks all that it knows first: the refresh that follows vouches for every walk and
  // saves asking again for each. Otherwise these are the walks that outlasted the last collection.
  if (parts.options.pss_mode == PssMode::exact) parts.walk(deadline);
  const auto early = parts.sampler.take();
  if (auto done = parts.refresh(extras); !done) return done.error();
  for (const auto& walk : early) parts.accept(walk);
  if (parts.options.pss_mode != PssMode::off) {
    parts.walk(deadline);
    for (const auto& walk : parts.sampler.take()) parts.accept(walk);
    parts.note_stuck();
  }
  return parts.publish();
}

}  // namespace memory_exporter::process
