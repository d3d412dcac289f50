#include "collectors/process/sampling/lane.h"

#include <array>
#include <utility>

#include "collectors/process/sampling/limits_reader.h"
#include "collectors/process/sampling/mappings_reader.h"
#include "collectors/process/sampling/pagemap_reader.h"
#include "collectors/process/sampling/rollup_reader.h"

namespace memory_exporter::process {
namespace {

using std::chrono::milliseconds;

/// Walks a process the way its request asks for.
class MemoryReader final : public ProcessReader {
 public:
  explicit MemoryReader(const procfs::Tree& procfs) : rollup_(procfs), pagemap_(procfs) {}

  std::optional<Result<Found>> read(const ReadRequest& request, ReadControl& control,
                                    std::unique_ptr<ReadProgress>& progress) override {
    if (request.method == WalkMethod::pagemap) return pagemap_.read(request, control, progress);
    progress.reset();
    return any_found(rollup_.read(request, control));
  }

 private:
  RollupReader rollup_;
  PagemapReader pagemap_;
};

template <typename Reader>
std::unique_ptr<ProcessReader> make(const procfs::Tree& procfs) {
  return std::make_unique<Reader>(procfs);
}

/// A walk that failed says nothing of the process where the exporter's own descriptors or memory
/// ran out, and that it has ended only where the kernel agrees: it may have been the one thread
/// that it was read through.
void store_failed_walk(const Outcome& outcome) {
  const auto kind = outcome.read.found.error().kind;
  auto& readings = outcome.process.readings;
  if (kind == ErrorKind::vanished) {
    if (outcome.has_ended()) outcome.table.end(outcome.process);
    return;
  }
  const bool in_parts = outcome.read.request.method == WalkMethod::pagemap;
  outcome.table.count_error(in_parts ? "pagemap" : "smaps_rollup", kind);
  if (in_parts) {
    if (kind == ErrorKind::denied) readings.pagemap_denied_at = outcome.read.ended;
    return;
  }
  if (kind == ErrorKind::exhausted) return;
  if (kind == ErrorKind::denied) {
    readings.denied_at = outcome.read.ended;
    ++readings.walk_failures;
  }
  readings.sample.reset();
}

void store_walk(Outcome outcome) {
  if (!outcome.read.found) return store_failed_walk(outcome);
  const auto& [request, result, began, ended, cost] = outcome.read;
  const auto& found = std::get<MemoryFound>(*result);
  auto& readings = outcome.process.readings;
  if (found.has_odd_lines) outcome.table.count_error("smaps_rollup", ErrorKind::malformed);
  if (!found.memory.pss) {
    // It may also be that its memory went while it was read.
    if (readings.sample || !outcome.runs()) return;
    readings.unsupported_at = ended;
    ++readings.walk_failures;
    return;
  }
  if (!outcome.still_counts()) return;
  // One that changed lanes meanwhile has a newer sample.
  if (readings.sample && readings.sample->began >= began) return;
  readings.denied_at.reset();
  readings.unsupported_at.reset();
  readings.walk_failures = 0;
  readings.sample =
      Sample{found, began, began >= outcome.since ? outcome.process.figures() : request.figures};
  if (request.method == WalkMethod::rollup) readings.sample->rollup_cost = cost.cpu;
}

/// Leaves a reading with its process, also of one that failed, so that it is not tried again at
/// once; and counts what failed. Null: nothing is left.
template <typename Kind>
std::shared_ptr<const Reading<Kind>> reading_of(Outcome& outcome, std::string_view file) {
  auto reading = std::make_shared<Reading<Kind>>();
  reading->began = outcome.read.began;
  if (outcome.read.found) {
    if (!outcome.still_counts()) return nullptr;
    reading->found = std::move(std::get<Kind>(*outcome.read.found));
    return reading;
  }
  const auto kind = outcome.read.found.error().kind;
  if (kind == ErrorKind::vanished) return outcome.runs() ? reading : nullptr;
  outcome.table.count_error(file, kind);
  if (kind == ErrorKind::exhausted) return nullptr;  // ours, not the process's: it is asked again
  return reading;
}

void store_limits(Outcome outcome) {
  const bool of_maps = !outcome.read.found && outcome.read.found.error().path.ends_with("maps");
  auto reading = reading_of<LimitsFound>(outcome, of_maps ? "maps" : "limits");
  if (!reading) return;
  if (reading->found) {
    const auto& [limits, mappings, limits_failed, mappings_failed] = *reading->found;
    if (limits_failed) outcome.table.count_error("limits", *limits_failed);
    if (mappings_failed) outcome.table.count_error("maps", *mappings_failed);
  }
  outcome.process.readings.limits = std::move(reading);
}

void store_mappings(Outcome outcome) {
  const bool of_link = !outcome.read.found && outcome.read.found.error().path.ends_with("/exe");
  auto reading = reading_of<MappingsFound>(outcome, of_link ? "exe" : "smaps");
  if (!reading) return;
  const auto& found = reading->found;
  if (found && found->program_failed) outcome.table.count_error("exe", *found->program_failed);
  outcome.process.readings.mappings = std::move(reading);
}

/// A quick read takes no longer than Settings::pss_stall_limit is expected to be, so that a scrape
/// gets past twenty processes that hang. In exact mode reads are as long as they are.
constexpr milliseconds quick_patience{20};
constexpr milliseconds exact_patience{200};

/// Of the budget, PSS has the most. A limits reading costs some 60 us and comes once a minute, and
/// mappings some 250 us once in five: a tenth is enough for 5,000 processes.
constexpr std::array kinds = {
    LaneKind{.name = "quick",
             .weight = 4,
             .patience = quick_patience,
             .exact_patience = exact_patience,
             .wait = LaneKind::Wait::always,
             .make_reader = &make<MemoryReader>,
             .judge = &judge_quick_walk,
             .store = &store_walk},
    LaneKind{.name = "slow",
             .weight = 4,
             .wait = LaneKind::Wait::never,
             .make_reader = &make<MemoryReader>,
             .judge = &judge_slow_walk,
             .store = &store_walk},
    LaneKind{.name = "limits",
             .file = "limits",
             .wanted_by = Extras::limits,
             .walks_pages = false,
             .wait = LaneKind::Wait::always,
             .make_reader = &make<Uncut<LimitsReader>>,
             .judge = &judge_limits,
             .store = &store_limits},
    LaneKind{.name = "mappings",
             .file = "smaps",
             .wanted_by = Extras::mappings,
             .max_age = &Settings::pss_mappings_max_age,
             .wait = LaneKind::Wait::in_exact_mode,
             .make_reader = &make<Uncut<MappingsReader>>,
             .judge = &judge_mappings,
             .store = &store_mappings},
};

}  // namespace

bool Outcome::runs() const {
  const auto still = table.still_runs(read.request.id, read.request.image);
  return still && *still;
}

bool Outcome::has_ended() const {
  const auto still = table.still_runs(read.request.id, read.request.image);
  return still && !*still;
}

std::span<const LaneKind> lane_kinds() {
  return kinds;
}

Lane::Lane(const procfs::Tree& procfs, std::size_t number, LaneOptions options)
    : procfs_(procfs), number_(number), kind_(kinds[number]), options_(std::move(options)) {}

void Lane::use(std::shared_ptr<const Settings> settings) {
  settings_ = std::move(settings);
  // What every collection wants is started early: there are threads left then.
  if (!worker_ && is_wanted(Extras::none)) start();
  if (!worker_) return;
  set_pace();
  if (!is_allowed()) worker_->submit({});
}

bool Lane::is_wanted(Extras extras) const {
  return is_allowed() && (kind_.wanted_by == Extras::none || contains(extras, kind_.wanted_by));
}

bool Lane::is_waited_for() const {
  return kind_.wait == LaneKind::Wait::always ||
         (kind_.wait == LaneKind::Wait::in_exact_mode && is_exact());
}

void Lane::start() {
  worker_ = std::make_unique<Worker>(procfs_, Worker::Options{.make_reader = kind_.make_reader,
                                                              .budget = options_.budget,
                                                              .lane = number_,
                                                              .now = options_.now,
                                                              .reads = options_.reads});
  set_pace();
}

void Lane::set_pace() {
  worker_->set_pace(is_exact() ? kind_.exact_patience : kind_.patience, is_exact());
}

void Lane::submit(const std::unordered_map<pid_t, Process>& processes, const Moment& moment) {
  if (!worker_) start();
  const auto max_age = (*settings_).*kind_.max_age;
  const auto in_turn = turns_.take(processes.size(), moment.now, max_age);
  worker_->submit(choose(processes, kind_.judge, moment, max_age, in_turn));
}

void Lane::wait(std::chrono::nanoseconds at_most) {
  if (worker_) worker_->wait(at_most);
}

void Lane::accept(ProcessTable& table, const Vouched& refresh, Clock::time_point since) {
  if (!worker_) return;
  for (auto& read : worker_->take()) {
    const auto& [id, thread, image, figures, method, program] = read.request;
    // What follows an exec has other memory, and owes nothing.
    if (auto* owing = table.find_program(id, image)) {
      owing->readings.stalls.book(method, read.cost, settings_->pss_stall_budget, read.began);
    }
    auto* process = table.find(id, image);
    if (process != nullptr && is_allowed())
      kind_.store({std::move(read), *process, table, refresh, since});
  }
}

std::vector<ProcessId> Lane::stuck() {
  return worker_ ? worker_->stuck() : std::vector<ProcessId>();
}

LaneReaders Lane::readers() const {
  return worker_ ? worker_->readers(kind_.name) : LaneReaders{kind_.name};
}

SamplingCost Lane::cost() const {
  return worker_ ? worker_->cost() : SamplingCost();
}

}  // namespace memory_exporter::process
