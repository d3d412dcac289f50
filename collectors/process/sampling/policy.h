#pragma once

#include <chrono>
#include <optional>
#include <unordered_map>
#include <vector>

#include "collectors/process/facts/process.h"
#include "collectors/process/facts/settings.h"
#include "collectors/process/sampling/read.h"

namespace memory_exporter::process {

/// Whom to read, and in which order: pure decisions over what the table knows.

/// A collection that asks.
struct Moment {
  const Settings& settings;
  bool pagemap_works;       ///< giants may be walked through pagemap
  Clock::time_point began;  ///< the collection
  Clock::time_point now;

  bool is_exact() const { return settings.pss_mode == PssMode::exact; }
};

/// A process that a lane may read now.
struct Candidate {
  WalkMethod method = WalkMethod::rollup;
  double worth = 0;  ///< the most goes first
  /// When it was read last, where its age is the only reason; nothing where there is another one.
  std::optional<Clock::time_point> last{};
};

/// Whether and how a lane reads a process.
using Judge = std::optional<Candidate> (*)(const Process& process, const Moment& moment);

/// Walks for PSS. Worth is the expected change in bytes per expected cost, times the number of
/// max_ages that the process has waited.
///
/// Those that a scrape waits for: all in exact mode, else those whose rollup takes no longer than
/// Settings::pss_stall_limit.
std::optional<Candidate> judge_quick_walk(const Process& process, const Moment& moment);
/// The others: giants.
std::optional<Candidate> judge_slow_walk(const Process& process, const Moment& moment);

/// Files that are read now and then: those never read come first, then the oldest readings.
std::optional<Candidate> judge_limits(const Process& process, const Moment& moment);
std::optional<Candidate> judge_mappings(const Process& process, const Moment& moment);

/// How many of a lane's processes are read for their age alone before they reach their max_age, so
/// that no collection has to read all of them: each comes to its turn once a max_age.
class Turns {
 public:
  /// As many as go with the time since the last call.
  std::size_t take(std::size_t processes, Clock::time_point now, std::chrono::nanoseconds max_age);

 private:
  std::optional<Clock::time_point> taken_;
  double rest_ = 0;
};

/// All that a lane should read now, best first. Of what is read for its age alone, the `in_turn`
/// oldest, and all that are older than max_age.
std::vector<ReadRequest> choose(const std::unordered_map<pid_t, Process>& processes, Judge judge,
                                const Moment& moment, std::chrono::nanoseconds max_age,
                                std::size_t in_turn);

/// CPU time that smaps_rollup is expected to take for it, and so how long it would hold the
/// target's mmap_lock: as long as the last walk says and, for what has come in or been swapped out
/// since, as before the first one, by the kernel's usual cost.
std::chrono::nanoseconds expected_rollup_cost(const Process& process);

}  // namespace memory_exporter::process
