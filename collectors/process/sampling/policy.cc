#include "collectors/process/sampling/policy.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "collectors/process/sampling/rollup_cost.h"

namespace memory_exporter::process {
namespace {

using std::chrono::nanoseconds;

/// The page that costs are counted in. Where the kernel's are larger, the first walk of a process
/// corrects what the others are expected to cost.
constexpr std::uint64_t page_bytes = 4096;

/// What others may move of a process's PSS, as a part of it, before it is walked for that alone.
/// Where hundreds run one executable each start and end moves all of them, by next to nothing.
constexpr double tolerated_move = 1.0 / 256;

/// What is read for its age alone is at least so old, as a part of its max_age: what changes often
/// is read for that, and need not be read for its age besides.
constexpr double least_age = 0.25;

double bytes(Bytes amount) {
  return static_cast<double>(amount.value);
}

double in_max_ages(nanoseconds time, nanoseconds max_age) {
  return std::chrono::duration<double>(time) / max_age;
}

double difference(Bytes a, Bytes b) {
  return bytes(saturating_subtract(a, b) + saturating_subtract(b, a));
}

/// It has memory of its own that can be read.
bool is_readable(const Process& process) {
  return !process.ended && !process.unreadable && !process.memory_owner && !process.stuck;
}

/// PSS that others have moved since the sample by starting, exec or ending. A page that n processes
/// map counts 1/n for each: where n was m, its share moves by |n - m| / n. Only pages that are
/// shared or may come to be count, which are those of files and shared memory besides what is not
/// private.
double moved_by_others(const Process& process, const Sample& sample) {
  const auto& memory = sample.memory;
  const double pss = bytes(memory.pss.value_or(process.resident()));
  if (process.relatives_changed >= sample.began) return pss;
  if (process.sharers == sample.then.sharers || process.sharers == 0) return 0;
  const double now = static_cast<double>(process.sharers);
  const double moved = std::abs(now - static_cast<double>(sample.then.sharers)) / now;
  double shareable = pss;
  if (sample.uss && memory.pss_file && memory.pss_shmem) {
    const double shared = std::max(0.0, pss - bytes(*sample.uss));
    shareable = std::min(pss, shared + bytes(*memory.pss_file + *memory.pss_shmem));
  }
  return shareable * std::min(1.0, moved);
}

/// Whether the sample no longer says what the kernel would: something has moved since.
bool has_changed(const Process& process, const Sample& sample) {
  return process.resident() != sample.then.resident || process.swap() != sample.then.swap ||
         process.faults() != sample.then.faults ||
         moved_by_others(process, sample) >
             tolerated_move * bytes(sample.memory.pss.value_or(process.resident()));
}

/// How many bytes of the group's sums are likely to be wrong without this walk.
double expected_change(const Process& process, const Moment& moment) {
  const double resident = bytes(process.resident());
  const auto& sample = process.readings.sample;
  if (!sample) return resident + bytes(process.swap()) + page_bytes;
  // A fault that leaves the resident set as it was may have broken a shared page into a private
  // one.
  const double moved = difference(process.resident(), sample->then.resident) +
                       difference(process.swap(), sample->then.swap);
  const double faulted = page_bytes * static_cast<double>(process.faults() - sample->then.faults);
  const double changed = std::min(std::max(moved, faulted), resident + bytes(process.swap()));
  // And what others did to its shared pages unseen: a little, more the longer ago.
  const double age = in_max_ages(moment.now - sample->began, moment.settings.pss_max_age);
  return changed + moved_by_others(process, *sample) + 0.01 * resident * std::min(1.0, age);
}

/// How many times its max_age a process has waited for its walk, at least 1: what is worth little
/// must come to its turn as well.
double patience(const Process& process, const Moment& moment) {
  const auto& sample = process.readings.sample;
  const auto since = sample ? sample->began : process.first_seen;
  return std::max(1.0, in_max_ages(moment.now - since, moment.settings.pss_max_age));
}

/// pagemap prints eight bytes for each 4 KiB of a huge page of hugetlb, and smaps_rollup walks
/// those quickly. What is swapped out it does not tell: status must.
bool can_use_pagemap(const Process& process, const Moment& moment) {
  const auto& denied_at = process.readings.pagemap_denied_at;
  const bool may_ask = !denied_at || moment.now - *denied_at >= moment.settings.pss_max_age;
  return may_ask && process.status.swap && process.status.hugetlb.value_or(Bytes{}) == Bytes{};
}

/// When a process was last asked for its memory: what came of it.
std::optional<Clock::time_point> last_walk(const Readings& readings) {
  if (readings.denied_at) return readings.denied_at;
  if (readings.unsupported_at) return readings.unsupported_at;
  return readings.sample ? std::optional(readings.sample->began) : std::nullopt;
}

/// What was read then may be read for its age alone; nothing: not yet.
std::optional<Candidate> aged(Clock::time_point last, const Moment& moment, nanoseconds max_age) {
  const bool due = in_max_ages(moment.now - last, max_age) >= least_age;
  return due ? std::optional(Candidate{.last = last}) : std::nullopt;
}

/// Whether to walk a process at all, and for which reason. Asking again what was refused, or is not
/// there, costs a failed open: once a collection, and after some tries once a max_age.
std::optional<Candidate> reason_to_walk(const Process& process, const Moment& moment) {
  const auto& readings = process.readings;
  const auto last = last_walk(readings);
  if (!last) return Candidate{};
  if (!readings.denied_at && !readings.unsupported_at) {
    if (moment.is_exact()) return *last < moment.began ? std::optional(Candidate{}) : std::nullopt;
    if (has_changed(process, *readings.sample)) return Candidate{};
  } else if (readings.walk_failures < tries_in_a_row) {
    return *last < moment.began ? std::optional(Candidate{}) : std::nullopt;
  }
  return aged(*last, moment, moment.settings.pss_max_age);
}

std::optional<Candidate> judge_walk(const Process& process, const Moment& moment, bool of_giants) {
  if (!is_readable(process)) return std::nullopt;
  auto candidate = reason_to_walk(process, moment);
  if (!candidate) return std::nullopt;
  const auto cost = expected_rollup_cost(process);
  const bool is_giant = !moment.is_exact() && cost > moment.settings.pss_stall_limit;
  if (is_giant != of_giants) return std::nullopt;
  const bool courteous = is_giant && moment.pagemap_works && can_use_pagemap(process, moment);
  candidate->method = courteous ? WalkMethod::pagemap : WalkMethod::rollup;
  const auto& stalls = process.readings.stalls;
  if (!moment.is_exact() && stalls.rests(candidate->method, moment.now)) return std::nullopt;
  candidate->worth = expected_change(process, moment) * patience(process, moment) /
                     static_cast<double>(cost.count());
  return candidate;
}

template <typename Found>
std::optional<Candidate> judge_reading(const std::shared_ptr<const Reading<Found>>& last,
                                       const Moment& moment, nanoseconds max_age) {
  if (!last) return Candidate{.worth = std::numeric_limits<double>::infinity()};
  if (moment.is_exact()) {
    return last->began < moment.began ? std::optional(Candidate{}) : std::nullopt;
  }
  auto candidate = aged(last->began, moment, max_age);
  if (candidate) candidate->worth = in_max_ages(moment.now - last->began, max_age);
  return candidate;
}

std::optional<procfs::MappedFile> known_program(const Process& process) {
  const auto& mappings = process.readings.mappings;
  if (!mappings || !mappings->found) return std::nullopt;
  return mappings->found->program;
}

ReadRequest request_for(const Process& process, WalkMethod method) {
  return {.id = process.id,
          .memory_thread = process.memory_thread,
          .image = process.image,
          .figures = process.figures(),
          .method = method,
          .program = known_program(process)};
}

struct Choice {
  const Process* process;
  Candidate candidate;
};

/// Leaves out of those that are read for their age alone what is not due yet. `in_turn`: so many of
/// the oldest are, whatever their age.
void keep_due(std::vector<Choice>& aged, std::size_t in_turn, Clock::time_point now,
              nanoseconds max_age) {
  std::sort(aged.begin(), aged.end(), [](const Choice& a, const Choice& b) {
    return a.candidate.last != b.candidate.last ? a.candidate.last < b.candidate.last
                                                : a.process->id < b.process->id;
  });
  auto due = std::min(in_turn, aged.size());
  while (due < aged.size() && now - *aged[due].candidate.last >= max_age) ++due;
  aged.resize(due);
}

}  // namespace

nanoseconds expected_rollup_cost(const Process& process) {
  // The walk looks at each page that is swapped out, too.
  const auto size = process.resident() + process.swap();
  const auto usual = [](Bytes amount) { return rollup_cost(amount.value / page_bytes); };
  const auto& sample = process.readings.sample;
  if (!sample) return usual(size);
  const auto then = sample->then.resident + sample->then.swap;
  const auto cost = std::max(sample->rollup_cost, nanoseconds(std::chrono::microseconds(1)));
  if (size >= then) return cost + usual(saturating_subtract(size, then)) - usual(Bytes{});
  const double part = std::max(bytes(size) / bytes(then), 0.1);
  return std::chrono::duration_cast<nanoseconds>(cost * part);
}

std::optional<Candidate> judge_quick_walk(const Process& process, const Moment& moment) {
  return judge_walk(process, moment, false);
}

std::optional<Candidate> judge_slow_walk(const Process& process, const Moment& moment) {
  return judge_walk(process, moment, true);
}

std::optional<Candidate> judge_limits(const Process& process, const Moment& moment) {
  if (!is_readable(process)) return std::nullopt;
  return judge_reading(process.readings.limits, moment, moment.settings.pss_max_age);
}

std::optional<Candidate> judge_mappings(const Process& process, const Moment& moment) {
  if (!is_readable(process)) return std::nullopt;
  const bool rests = process.readings.stalls.rests(WalkMethod::rollup, moment.now);
  if (rests && !moment.is_exact()) return std::nullopt;
  return judge_reading(process.readings.mappings, moment, moment.settings.pss_mappings_max_age);
}

std::size_t Turns::take(std::size_t processes, Clock::time_point now, nanoseconds max_age) {
  const auto last = std::exchange(taken_, now);
  if (!last) return 0;
  rest_ += static_cast<double>(processes) * std::min(1.0, in_max_ages(now - *last, max_age));
  const double whole = std::floor(rest_);
  rest_ -= whole;
  return static_cast<std::size_t>(whole);
}

std::vector<ReadRequest> choose(const std::unordered_map<pid_t, Process>& processes, Judge judge,
                                const Moment& moment, nanoseconds max_age, std::size_t in_turn) {
  std::vector<Choice> chosen;
  std::vector<Choice> aged;
  for (const auto& [pid, process] : processes) {
    const auto candidate = judge(process, moment);
    if (candidate) (candidate->last ? aged : chosen).push_back({&process, *candidate});
  }
  keep_due(aged, in_turn, moment.now, max_age);
  chosen.insert(chosen.end(), aged.begin(), aged.end());
  std::sort(chosen.begin(), chosen.end(), [](const Choice& a, const Choice& b) {
    return a.candidate.worth != b.candidate.worth ? a.candidate.worth > b.candidate.worth
                                                  : a.process->id < b.process->id;
  });
  std::vector<ReadRequest> requests;
  requests.reserve(chosen.size());
  for (const auto& [process, candidate] : chosen) {
    requests.push_back(request_for(*process, candidate.method));
  }
  return requests;
}

}  // namespace memory_exporter::process
