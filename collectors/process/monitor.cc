#include "collectors/process/monitor.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>

#include "collectors/process/grouping/grouping.h"
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

std::shared_ptr<CpuBudget> budget_of(const Options& options, Clock::time_point now) {
  if (options.pss_mode == PssMode::exact) return CpuBudget::unlimited();
  std::vector<double> weights;
  for (const auto& kind : lane_kinds()) weights.push_back(kind.weight);
  return std::make_shared<CpuBudget>(options.pss_cpu_budget, options.pss_burst, now, weights);
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
  Parts(const procfs::Tree& procfs, Options settings, Now clock)
      : tree(procfs),
        options(std::move(settings)),
        now(std::move(clock)),
        table(procfs, {needs_cgroups(options.group_by), options.pss_max_age,
                       memory_comparison_for(procfs), options.find_cgroups, options.may_hang}),
        max_groups(options.max_groups),
        grouping(options.group_by, options.max_groups),
        budget(budget_of(options, now())) {
    const auto reads = std::make_shared<ReadsUnderWay>();
    for (std::size_t lane = 0; lane < lane_kinds().size(); ++lane) {
      lanes.emplace_back(procfs, lane, LaneSettings{options, budget, reads, now});
    }
  }

  bool is_exact() const { return options.pss_mode == PssMode::exact; }

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
  const Options options;
  const Now now;
  ProcessTable table;
  std::atomic<std::size_t> max_groups;
  Grouping grouping;
  std::optional<PssTier> tier;  ///< nothing: not known yet
  const std::shared_ptr<CpuBudget> budget;
  std::vector<Lane> lanes;
  Extras extras = Extras::none;  ///< of the collection under way
  Clock::time_point began;       ///< of the collection under way
  Vouched refreshed;
  std::optional<MappedMemory> mapped_before;  ///< as it began
};

/// What cannot be read is absent: no process is measured by it. It may lie on FUSE (lxcfs), whose
/// server may be dead: then nobody waits for it.
void Monitor::Parts::look_at_meminfo() {
  struct Look {
    procfs::Tree tree;
    std::optional<MappedMemory> found{};
    std::optional<ErrorKind> failed{};
  };
  mapped_before.reset();
  const auto look = std::make_shared<Look>(Look{tree.duplicate()});
  const bool done = options.may_hang("meminfo of processes", longest_look, [look] {
    procfs::Buffer buffer;
    const auto text = look->tree.read("meminfo", buffer);
    if (!text) {
      look->failed = text.error().kind;
      return;
    }
    const auto meminfo = procfs::parse_meminfo(*text);
    if (meminfo.skipped) look->failed = ErrorKind::malformed;
    if (!meminfo->anon_pages || !meminfo->mapped) return;
    look->found = MappedMemory{*meminfo->anon_pages, *meminfo->mapped};
  });
  if (!done) return table.count_error("meminfo", ErrorKind::timeout);
  if (look->failed && *look->failed != ErrorKind::vanished) {
    table.count_error("meminfo", *look->failed);
  }
  mapped_before = look->found;
}

/// What the operator, the privileges and the kernel allow for giants. Looked for until it is known,
/// which it is not while our own descriptors run out.
void Monitor::Parts::find_tier() {
  if (tier) return;
  if (options.pss_tier != PssTier::pagemap) {
    tier = options.pss_tier;
    return;
  }
  const auto can_count = procfs::can_count_page_mappings(tree);
  if (!can_count) return table.count_error("pagemap", can_count.error().kind);
  tier = *can_count ? PssTier::pagemap : PssTier::rollup;
}

Status Monitor::Parts::refresh() {
  refreshed.began = now();
  if (auto done = table.refresh(refreshed.began, extras); !done) return done;
  grouping.set_max_groups(max_groups);
  grouping.assign(table.processes(), refreshed.began);
  find_tier();
  refreshed.ended = now();
  return Done{};
}

/// Hands each lane what is due, and waits for some of them as long as a scrape may.
void Monitor::Parts::read(Clock::time_point deadline) {
  const Moment moment{options, tier == PssTier::pagemap, began, now()};
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
                 : std::min(deadline - rest, start + std::min(options.pss_wait, longest_wait));
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
  snapshot->group_by = options.group_by;
  snapshot->counts.kernel = table.others().kernel;
  snapshot->counts.denied = table.others().denied;
  snapshot->counts.hidden = table.others().hidden;
  snapshot->counts.sharing_unknown = table.others().sharing_unknown;
  for (const auto& [pid, process] : table.processes()) {
    if (!process.unreadable) count(process, snapshot->counts);
  }
  snapshot->groups = grouping.publish(table.processes(), now());
  snapshot->groups_folded = grouping.folded();
  publish_reads(*snapshot);
  snapshot->tier = tier.value_or(PssTier::rollup);
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
