#include "collectors/process/monitor.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>

#include "collectors/process/grouping/group_key.h"
#include "collectors/process/grouping/grouping.h"
#include "collectors/process/sampling/cpu_budget.h"
#include "collectors/process/sampling/limits_reader.h"
#include "collectors/process/sampling/mappings_reader.h"
#include "collectors/process/sampling/pagemap_reader.h"
#include "collectors/process/sampling/reading_lane.h"
#include "collectors/process/sampling/rollup_reader.h"
#include "collectors/process/sampling/sampler.h"
#include "collectors/process/sampling/sampling_policy.h"
#include "collectors/process/table/process_table.h"
#include "collectors/procfs/meminfo.h"
#include "collectors/procfs/pagemap.h"

namespace memory_exporter::process {
namespace {

/// Reads a process the way its request asks for.
class MemoryReader final : public WalkReader<MemoryWalk> {
 public:
  explicit MemoryReader(const procfs::Tree& procfs) : rollup_(procfs), pagemap_(procfs) {}

  std::optional<Result<MemoryWalk>> read(const WalkRequest& request,
                                         WalkControl& control) override {
    if (request.method == WalkMethod::pagemap) return pagemap_.read(request, control);
    return rollup_.read(request, control);
  }

 private:
  RollupReader rollup_;
  PagemapReader pagemap_;
};

using MemorySampler = Sampler<MemoryWalk>;

/// Quick walks, which a scrape waits for, and giants: each has its part of the budget.
enum Lane : std::size_t { quick_lane, slow_lane, lanes };

/// A scrape waits for the quick lane: it goes on with the next process sooner than others, where
/// one does not answer.
/// A read of it is expected to take no more than Options::pss_stall_limit, so that a scrape gets
/// past twenty processes that hang.
constexpr std::chrono::milliseconds quick_patience{20};
constexpr std::chrono::milliseconds exact_patience{200};  ///< its reads are as long as they are

MemorySampler::Settings settings_for(Lane lane, std::shared_ptr<CpuBudget> budget,
                                     std::shared_ptr<ReadsUnderWay> reads, bool exact, Now now) {
  return {.make_reader =
              [](const procfs::Tree& procfs) { return std::make_unique<MemoryReader>(procfs); },
          .budget = std::move(budget),
          .lane = lane,
          .now = std::move(now),
          .reads = std::move(reads),
          .patience = lane == slow_lane ? MemorySampler::hang_limit
                      : exact           ? exact_patience
                                        : quick_patience,
          .complete = exact};
}

/// Of the time to a deadline, the most that is kept for what comes after the walks.
constexpr std::chrono::milliseconds longest_rest{500};

/// Longer than any deadline; the largest time there is cannot be added to one.
constexpr std::chrono::nanoseconds longest_wait = std::chrono::hours(24);

/// What limits and mappings may spend beside PSS, as parts of its budget. A limits reading costs
/// some 60 us and comes once a minute: a tenth is enough for 5,000 processes.
constexpr double limits_share = 0.1;
constexpr double mappings_share = 0.4;

std::shared_ptr<CpuBudget> share_of_budget(double share, const Options& options,
                                           Clock::time_point now) {
  if (options.pss_mode == PssMode::exact) return CpuBudget::unlimited();
  const auto burst =
      std::chrono::duration_cast<std::chrono::nanoseconds>(options.pss_burst * share);
  return std::make_shared<CpuBudget>(options.pss_cpu_budget * share, burst, now);
}

ReadingLane<LimitsFound>::Settings limits_lane(const Options& options,
                                               std::shared_ptr<ReadsUnderWay> reads,
                                               const Now& now) {
  return {.files = {"limits", "maps"},
          .last = &Process::limits,
          .make_reader =
              [](const procfs::Tree& procfs) { return std::make_unique<LimitsReader>(procfs); },
          .budget = share_of_budget(limits_share, options, now()),
          .reads = std::move(reads),
          .policy = {.max_age = options.pss_max_age,
                     .exact = options.pss_mode == PssMode::exact,
                     .walks_pages = false},
          .stall_budget = options.pss_stall_budget,
          .now = now,
          .count_failures =
              [](const LimitsFound& found, ProcessTable& table) {
                if (found.limits_failed) table.count_error("limits", *found.limits_failed);
                if (found.mappings_failed) table.count_error("maps", *found.mappings_failed);
              }};
}

ReadingLane<MappingsFound>::Settings mappings_lane(const Options& options,
                                                   std::shared_ptr<ReadsUnderWay> reads,
                                                   const Now& now) {
  return {.files = {"smaps"},
          .last = &Process::mappings,
          .make_reader =
              [](const procfs::Tree& procfs) { return std::make_unique<MappingsReader>(procfs); },
          .budget = share_of_budget(mappings_share, options, now()),
          .reads = std::move(reads),
          .policy = {.max_age = options.pss_mappings_max_age,
                     .exact = options.pss_mode == PssMode::exact,
                     .walks_pages = true},
          .stall_budget = options.pss_stall_budget,
          .now = now};
}

}  // namespace

struct Monitor::Parts {
  Parts(const procfs::Tree& procfs, Options settings, Now clock)
      : tree(procfs),
        options(std::move(settings)),
        now(std::move(clock)),
        table(procfs,
              {needs_cgroups(options.group_by), options.pss_max_age, memory_comparison_for(procfs),
               options.cgroup_namespace_root, options.cgroup_v2}),
        max_groups(options.max_groups),
        grouping(options.group_by, options.max_groups),
        tier(procfs::can_count_page_mappings(procfs) ? PssTier::pagemap : PssTier::rollup),
        budget(is_exact() ? CpuBudget::unlimited()
                          : std::make_shared<CpuBudget>(options.pss_cpu_budget, options.pss_burst,
                                                        now(), lanes)),
        quick(procfs, settings_for(quick_lane, budget, reads, is_exact(), now)),
        slow(procfs, settings_for(slow_lane, budget, reads, is_exact(), now)),
        limits(procfs, limits_lane(options, reads, now)),
        mappings(procfs, mappings_lane(options, reads, now)) {}

  bool is_exact() const { return options.pss_mode == PssMode::exact; }

  void look_at_meminfo();
  Status refresh();
  void read(Clock::time_point deadline);
  void accept_all();
  void accept(const Walk<MemoryWalk>& walk);
  void accept_failure(const Walk<MemoryWalk>& walk, Process& process);
  void note_stuck();
  void count(const Process& process, ProcessCounts& counts);
  SamplingCost cost() const;
  std::shared_ptr<const Snapshot> publish();

  const procfs::Tree& tree;
  const Options options;
  const Now now;
  ProcessTable table;
  std::atomic<std::size_t> max_groups;
  Grouping grouping;
  const PssTier tier;
  const std::shared_ptr<CpuBudget> budget;
  const std::shared_ptr<ReadsUnderWay> reads = std::make_shared<ReadsUnderWay>();
  MemorySampler quick;
  MemorySampler slow;
  ReadingLane<LimitsFound> limits;
  ReadingLane<MappingsFound> mappings;
  Extras extras = Extras::none;  ///< of the collection under way
  Clock::time_point began;       ///< of the collection under way
  /// When its refresh began. What was read of a process by then is what the refresh vouches for:
  /// each process is looked at later than that.
  Clock::time_point refreshed{};
  Clock::time_point refresh_ended{};
  std::optional<MappedMemory> mapped_before;  ///< as it began
};

/// What cannot be read is absent: no process is measured by it.
void Monitor::Parts::look_at_meminfo() {
  mapped_before.reset();
  procfs::Buffer buffer;
  const auto text = tree.read("meminfo", buffer);
  if (!text) return;
  const auto meminfo = procfs::parse_meminfo(*text);
  if (!meminfo->anon_pages || !meminfo->mapped) return;
  mapped_before = MappedMemory{*meminfo->anon_pages, *meminfo->mapped};
}

Status Monitor::Parts::refresh() {
  refreshed = now();
  if (auto done = table.refresh(refreshed, extras); !done) return done;
  grouping.set_max_groups(max_groups);
  grouping.assign(table.processes(), refreshed);
  refresh_ended = now();
  return Done{};
}

/// Hands the candidates to the samplers and waits for the quick ones, as long as a scrape may.
void Monitor::Parts::read(Clock::time_point deadline) {
  const bool exact = is_exact();
  const bool walks = options.pss_mode != PssMode::off;
  const auto& processes = table.processes();
  if (walks) {
    auto chosen = choose_walks(processes, options, tier == PssTier::pagemap, began, now());
    quick.submit(std::move(chosen.quick));
    slow.submit(std::move(chosen.slow));
  }
  if (contains(extras, Extras::limits)) limits.submit(processes, began);
  if (walks && contains(extras, Extras::mappings)) mappings.submit(processes, began);

  // Who asked waits no longer than the deadline, and there is some work left after the walks:
  // adding up and, where the walks come first, the refresh.
  const auto start = now();
  const auto rest = std::min((deadline - start) / 5, Clock::duration(longest_rest));
  // Nothing is known of it where the last one failed.
  const auto refresh_took = std::max(refresh_ended - refreshed, Clock::duration::zero());
  const auto until =
      exact ? deadline - rest - refresh_took
            : std::min(deadline - rest, start + std::min(options.pss_wait, longest_wait));
  const auto left = [&] { return std::max(until - now(), Clock::duration::zero()); };
  quick.wait(left());
  limits.wait(left());
  if (exact) mappings.wait(left());
}

/// What the samplers have brought back, held against the table.
void Monitor::Parts::accept_all() {
  for (auto* lane : {&quick, &slow}) {
    for (const auto& walk : lane->take()) accept(walk);
  }
  limits.accept(table, refreshed);
  mappings.accept(table, refreshed);
}

/// A walk counts if the process was the same before and after it: in the table, which read it
/// before, and in a later refresh or, where there was none yet, in the kernel now.
void Monitor::Parts::accept(const Walk<MemoryWalk>& walk) {
  const auto& request = walk.request;
  table.let_rest(request.id, request.image, request.method, walk.began,
                 rest_after(request.method, walk.cost, options.pss_stall_budget));
  auto* process = table.find(request.id, request.image);
  if (process == nullptr) return;
  if (!walk.payload) return accept_failure(walk, *process);
  const auto& found = *walk.payload;
  // Without PSS it may be that its memory went while we read.
  if (!found.memory.pss || walk.ended > refreshed) {
    const auto runs = table.still_runs(request.id, request.image);
    if (!runs || !*runs) return;
  }
  if (!found.memory.pss) {
    if (!process->sample) process->unsupported_at = walk.ended;
    return;
  }
  // One that changed lanes meanwhile has a newer sample.
  if (process->sample && process->sample->began >= walk.began) return;
  // What status said closest to the walk: this collection's refresh, or the one it was asked in.
  const bool ours = walk.began >= (is_exact() ? began : refresh_ended);
  process->denied_at.reset();
  process->unsupported_at.reset();
  process->sample = Sample{
      .memory = found.memory,
      .uss = found.uss,
      .began = walk.began,
      .rollup_cost = walk.request.method == WalkMethod::rollup ? walk.cost.cpu : found.rollup_cost,
      .resident = ours ? process->resident() : walk.request.resident,
      .swap = ours ? process->swap() : walk.request.swap,
      .faults = ours ? process->faults() : walk.request.faults,
      .sharers = ours ? process->sharers : walk.request.sharers};
}

void Monitor::Parts::accept_failure(const Walk<MemoryWalk>& walk, Process& process) {
  const auto kind = walk.payload.error().kind;
  if (kind == ErrorKind::vanished) {
    // The process between the refresh and now, or the one thread it was read through.
    const auto runs = table.still_runs(walk.request.id, walk.request.image);
    if (runs && !*runs) table.end(process);
    return;
  }
  if (walk.request.method == WalkMethod::pagemap) {
    table.count_error("pagemap", kind);
    if (kind == ErrorKind::denied) process.pagemap_denied = true;  // smaps_rollup may be readable
    return;
  }
  table.count_error("smaps_rollup", kind);
  // Our own descriptors or memory ran out: what is known of the process stands.
  if (kind == ErrorKind::exhausted) return;
  if (kind == ErrorKind::denied) process.denied_at = walk.ended;
  process.sample.reset();
}

void Monitor::Parts::note_stuck() {
  std::vector<ProcessId> ids;
  const auto add = [&](const std::vector<ProcessId>& stuck) {
    ids.insert(ids.end(), stuck.begin(), stuck.end());
  };
  add(quick.stuck());
  add(slow.stuck());
  add(limits.stuck());
  add(mappings.stuck());
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
  if (measured->stuck) {
    ++counts.stuck;
  } else if (measured->sample) {
    ++counts.measured;
  } else if (measured->denied_at) {
    ++counts.denied;
  } else if (measured->unsupported_at) {
    ++counts.unsupported;
  } else {
    ++counts.pending;
  }
}

SamplingCost Monitor::Parts::cost() const {
  auto sum = quick.cost();
  const auto giants = slow.cost();
  sum.reads += giants.reads;
  sum.read_seconds += giants.read_seconds;
  sum.cpu_seconds += giants.cpu_seconds;
  sum.longest_read_seconds = std::max(sum.longest_read_seconds, giants.longest_read_seconds);
  sum.deferred += giants.deferred;
  sum.budget_seconds = std::chrono::duration<double>(budget->granted()).count();
  return sum;
}

std::shared_ptr<const Snapshot> Monitor::Parts::publish() {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->dimensions = options.group_by;
  snapshot->counts.kernel = table.others().kernel;
  snapshot->counts.denied = table.others().denied;
  snapshot->counts.hidden = table.others().hidden;
  snapshot->counts.sharing_unknown = table.others().sharing_unknown;
  for (const auto& [pid, process] : table.processes()) {
    if (!process.unreadable) count(process, snapshot->counts);
  }
  snapshot->groups = grouping.publish(table.processes(), now());
  snapshot->groups_folded = grouping.folded();
  snapshot->sampling = cost();
  snapshot->readings = {{"limits", limits.cost()}, {"smaps", mappings.cost()}};
  snapshot->readers = {quick.readers("quick"), slow.readers("slow"), limits.readers("limits"),
                       mappings.readers("mappings")};
  snapshot->tier = tier;
  snapshot->read_errors = table.read_errors();
  snapshot->mapped_before = std::exchange(mapped_before, std::nullopt);
  return snapshot;
}

Monitor::Monitor(const procfs::Tree& procfs, Options options, Now now)
    : parts_(std::make_unique<Parts>(procfs, std::move(options), std::move(now))) {}

Monitor::~Monitor() = default;

void Monitor::set_max_groups(std::size_t max_groups) {
  parts_->max_groups = max_groups;
}

Result<std::shared_ptr<const Snapshot>> Monitor::collect_status_only() {
  if (auto done = parts_->refresh(); !done) return done.error();
  return parts_->publish();
}

Result<std::shared_ptr<const Snapshot>> Monitor::collect(Clock::time_point deadline,
                                                         Extras extras) {
  auto& parts = *parts_;
  parts.began = parts.now();
  parts.extras = extras;
  parts.look_at_meminfo();
  // Exact mode walks all that it knows first: the refresh that follows vouches for every walk and
  // saves asking again for each. Otherwise the walks at hand are those that outlasted the last
  // collection.
  if (parts.is_exact()) parts.read(deadline);
  if (auto done = parts.refresh(); !done) return done.error();
  parts.accept_all();
  parts.read(deadline);
  parts.accept_all();
  parts.note_stuck();
  return parts.publish();
}

}  // namespace memory_exporter::process
