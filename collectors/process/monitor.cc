#include "collectors/process/monitor.h"

#include <algorithm>
#include <string>
#include <utility>

#include "collectors/process/grouping/groupings.h"
#include "collectors/process/sampling/cpu_budget.h"
#include "collectors/process/sampling/lane.h"
#include "collectors/process/sampling/policy.h"
#include "collectors/process/sampling/reads_under_way.h"
#include "collectors/process/table/process_table.h"
#include "collectors/procfs/meminfo.h"
#include "collectors/procfs/pagemap.h"

namespace memory_exporter::process {
namespace {

/// Of the time to a deadline, the most that is kept for what comes after the walks.
constexpr std::chrono::milliseconds longest_rest{500};

/// Longer than any deadline; the largest time there is cannot be added to one.
constexpr std::chrono::nanoseconds longest_wait = std::chrono::hours(24);

/// How long a collection waits for meminfo, where it lies on a filesystem that may be dead.
constexpr std::chrono::milliseconds longest_look{500};

/// Full at the start, but where it is not asked.
std::shared_ptr<CpuBudget> budget_of(const Settings& settings, Clock::time_point now) {
  std::vector<double> weights;
  for (const auto& kind : lane_kinds()) weights.push_back(kind.weight);
  const auto saved = settings.pss_mode == PssMode::exact ? Clock::duration() : settings.pss_burst;
  return std::make_shared<CpuBudget>(settings.pss_cpu_budget, saved, now, weights);
}

void add(SamplingCost& sum, const SamplingCost& part) {
  sum.reads += part.reads;
  sum.read_seconds += part.read_seconds;
  sum.cpu_seconds += part.cpu_seconds;
  sum.longest_read_seconds = std::max(sum.longest_read_seconds, part.longest_read_seconds);
  sum.deferred += part.deferred;
}

}  // namespace

struct Monitor::Parts {
  Parts(const procfs::Tree& procfs, Settings first, Now clock, MonitorOptions given)
      : tree(procfs),
        now(std::move(clock)),
        table(procfs, {needs_cgroups(first.group_by), first.pss_max_age,
                       memory_comparison_for(procfs), given.find_cgroups, given.may_hang}),
        may_hang(std::move(given.may_hang)),
        budget(budget_of(first, now())) {
    const auto reads = std::make_shared<ReadsUnderWay>();
    for (std::size_t lane = 0; lane < lane_kinds().size(); ++lane) {
      lanes.emplace_back(procfs, lane, LaneOptions{budget, reads, now});
    }
    use(std::make_shared<const Settings>(std::move(first)));
  }

  bool is_exact() const { return settings->pss_mode == PssMode::exact; }

  void settle_rests(const Settings& before);
  void use(std::shared_ptr<const Settings> given);
  void look_at_meminfo();
  void find_tier();
  Status refresh();
  void read(Clock::time_point deadline);
  void accept_all();
  void note_stuck();
  void count(const Process& process, ProcessCounts& counts);
  void publish_reads(Snapshot& snapshot) const;
  std::shared_ptr<const Snapshot> publish();

  const procfs::Tree& tree;
  std::shared_ptr<const Settings> settings;  ///< in force
  const Now now;
  ProcessTable table;
  const MayHang may_hang;
  Groupings groupings;
  std::optional<PssTier> tier;  ///< nothing: not known yet
  const std::shared_ptr<CpuBudget> budget;
  std::vector<Lane> lanes;
  Extras extras = Extras::none;  ///< of the collection under way
  Clock::time_point began;       ///< of the collection under way
  Vouched refreshed;
  std::optional<MappedMemory> mapped_before;  ///< as it began
};

/// What was read of a process holds it up by the budget of today. Exact mode has added up what no
/// budget was asked for.
void Monitor::Parts::settle_rests(const Settings& before) {
  const bool was_exact = before.pss_mode == PssMode::exact;
  const auto times = before.pss_stall_budget / settings->pss_stall_budget;
  for (auto& [pid, process] : table.processes()) {
    auto& stalls = process.readings.stalls;
    if (was_exact) stalls = {};
    if (times != 1) stalls.stretch(times, now());
  }
}

/// Hands the settings to all who go by them. What was measured of processes stays, but where nobody
/// measures any more: it would grow old.
void Monitor::Parts::use(std::shared_ptr<const Settings> given) {
  if (given == nullptr || given == settings) return;
  const auto before = std::exchange(settings, std::move(given));
  if (before) settle_rests(*before);
  if (before && before->pss_tier != settings->pss_tier) tier.reset();
  table.want(needs_cgroups(settings->group_by), settings->pss_max_age);
  groupings.use(settings->group_by, settings->max_groups, table.processes());
  if (is_exact()) {
    budget->lift_limit();
  } else {
    budget->limit(settings->pss_cpu_budget, settings->pss_burst, now());
  }
  for (auto& lane : lanes) lane.use(settings);
  if (settings->pss_mode != PssMode::off) return;
  for (auto& [pid, process] : table.processes()) {
    process.readings.sample.reset();
    process.readings.mappings.reset();
  }
}

/// What cannot be read is absent: no process is measured by it. It may lie on FUSE (lxcfs), whose
/// server may be dead: then nobody waits for it.
void Monitor::Parts::look_at_meminfo() {
  struct Look {
    std::optional<MappedMemory> found{};
    std::optional<ErrorKind> failed{};
  };
  const auto own_tree = std::make_shared<const procfs::Tree>(tree.duplicate());
  const auto look = find_in_time(may_hang, "meminfo of processes", longest_look, [own_tree] {
    procfs::Buffer buffer;
    const auto text = own_tree->read("meminfo", buffer);
    if (!text) return Look{.failed = text.error().kind};
    const auto meminfo = procfs::parse_meminfo(*text);
    Look result;
    if (meminfo.skipped) result.failed = ErrorKind::malformed;
    if (meminfo->anon_pages && meminfo->mapped) {
      result.found = MappedMemory{*meminfo->anon_pages, *meminfo->mapped};
    }
    return result;
  });
  mapped_before = look ? look->found : std::nullopt;
  const auto failed = look ? look->failed : ErrorKind::timeout;
  if (failed && *failed != ErrorKind::vanished) table.count_error("meminfo", *failed);
}

/// What the operator, the privileges and the kernel allow for giants. Looked for until it is known,
/// which it is not while our own descriptors run out.
void Monitor::Parts::find_tier() {
  if (tier) return;
  if (settings->pss_tier != PssTier::pagemap) {
    tier = settings->pss_tier;
    return;
  }
  const auto can_count = procfs::can_count_page_mappings(tree);
  if (!can_count) return table.count_error("pagemap", can_count.error().kind);
  tier = *can_count ? PssTier::pagemap : PssTier::rollup;
}

Status Monitor::Parts::refresh() {
  refreshed.began = now();
  if (auto done = table.refresh(refreshed.began, extras); !done) return done;
  groupings.current().assign(table.processes(), refreshed.began);
  find_tier();
  refreshed.ended = now();
  return Done{};
}

/// Hands each lane what is due, and waits for some of them as long as a scrape may.
void Monitor::Parts::read(Clock::time_point deadline) {
  const Moment moment{*settings, tier == PssTier::pagemap, began, now()};
  for (auto& lane : lanes) {
    if (lane.is_wanted(extras)) lane.submit(table.processes(), moment);
  }

  // Who asked waits no longer than the deadline, and there is some work left after the walks:
  // adding up and, where the walks come first, the refresh.
  const auto start = now();
  const auto rest = std::min((deadline - start) / 5, Clock::duration(longest_rest));
  // Nothing is known of it where the last one failed.
  const auto refresh_took = std::max(refreshed.ended - refreshed.began, Clock::duration::zero());
  const auto until =
      is_exact() ? deadline - rest - refresh_took
                 : std::min(deadline - rest, start + std::min(settings->pss_wait, longest_wait));
  const auto left = [&] { return std::max(until - now(), Clock::duration::zero()); };
  for (auto& lane : lanes) {
    if (lane.is_waited_for()) lane.wait(left());
  }
}

/// Holds what the lanes have brought back against the table.
void Monitor::Parts::accept_all() {
  const auto since = is_exact() ? began : refreshed.ended;
  for (auto& lane : lanes) lane.accept(table, refreshed, since);
}

void Monitor::Parts::note_stuck() {
  std::vector<ProcessId> ids;
  for (auto& lane : lanes) {
    const auto stuck = lane.stuck();
    ids.insert(ids.end(), stuck.begin(), stuck.end());
  }
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
  } else if (measured->readings.sample) {
    ++counts.measured;
  } else if (measured->readings.denied_at) {
    ++counts.denied;
  } else if (measured->readings.unsupported_at) {
    ++counts.unsupported;
  } else {
    ++counts.pending;
  }
}

/// What reading has cost, and how those who read are doing.
void Monitor::Parts::publish_reads(Snapshot& snapshot) const {
  for (const auto& lane : lanes) {
    snapshot.readers.push_back(lane.readers());
    if (lane.kind().file.empty()) {
      add(snapshot.sampling, lane.cost());
    } else {
      snapshot.readings.push_back({lane.kind().file, lane.cost()});
    }
  }
  snapshot.sampling.budget_seconds = std::chrono::duration<double>(budget->granted()).count();
}

std::shared_ptr<const Snapshot> Monitor::Parts::publish() {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->group_by = settings->group_by;
  snapshot->counts.kernel = table.others().kernel;
  snapshot->counts.denied = table.others().denied;
  snapshot->counts.hidden = table.others().hidden;
  snapshot->counts.sharing_unknown = table.others().sharing_unknown;
  for (const auto& [pid, process] : table.processes()) {
    if (!process.unreadable) count(process, snapshot->counts);
  }
  snapshot->groups = groupings.current().publish(table.processes(), now());
  snapshot->groups_folded = groupings.current().folded();
  publish_reads(*snapshot);
  snapshot->tier = tier.value_or(PssTier::rollup);
  snapshot->read_errors = table.read_errors();
  snapshot->mapped_before = std::exchange(mapped_before, std::nullopt);
  return snapshot;
}

Monitor::Monitor(const procfs::Tree& procfs, Settings settings, Now now, MonitorOptions options)
    : parts_(std::make_unique<Parts>(procfs, std::move(settings), std::move(now),
                                     std::move(options))) {}

Monitor::~Monitor() = default;

Result<std::shared_ptr<const Snapshot>> Monitor::collect_status_only() {
  if (auto done = parts_->refresh(); !done) return done.error();
  return parts_->publish();
}

Result<std::shared_ptr<const Snapshot>> Monitor::collect(Clock::time_point deadline, Extras extras,
                                                         std::shared_ptr<const Settings> settings) {
  auto& parts = *parts_;
  parts.use(std::move(settings));
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
