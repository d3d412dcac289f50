#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "collectors/process/facts/settings.h"
#include "collectors/process/sampling/policy.h"
#include "collectors/process/sampling/read.h"
#include "collectors/process/sampling/worker.h"
#include "collectors/process/table/process_table.h"

namespace memory_exporter::process {

/// When the table was last held against the kernel.
struct Vouched {
  /// When the refresh began. What was read of a process by then is what the refresh vouches for:
  /// each process is looked at later than that.
  Clock::time_point began{};
  Clock::time_point ended{};
};

/// What a finished read means for its process, which was the same when the read was asked for.
struct Outcome {
  FinishedRead read;
  Process& process;
  ProcessTable& table;
  Vouched refresh;
  /// Since when a read belongs to the refresh at hand: what the table knew of the process then goes
  /// with it. What was read before goes with what was known when it was asked for.
  Clock::time_point since;

  /// Whether the process was certainly the same after the read: the refresh says so, or the kernel
  /// now.
  bool still_counts() const { return read.ended <= refresh.began || runs(); }
  bool runs() const;
  /// Certainly not.
  bool has_ended() const;
};

/// A kind of reads: one row of the table of lanes.
struct LaneKind {
  std::string_view name;            ///< as in the label `lane`
  std::string_view file = {};       ///< under which its cost is counted; empty: with PSS
  Extras wanted_by = Extras::none;  ///< none: by whoever wants PSS
  bool walks_pages = true;          ///< it rests with --pss.mode=off
  double weight = 1;                ///< of its part of the budget
  std::chrono::nanoseconds Settings::*max_age = &Settings::pss_max_age;
  /// How long one read may keep the next one waiting, outside exact mode and in it.
  std::chrono::nanoseconds patience = ReaderThreads::hang_limit;
  std::chrono::nanoseconds exact_patience = ReaderThreads::hang_limit;
  enum class Wait { always, in_exact_mode, never } wait;  ///< whether a scrape waits for it
  std::unique_ptr<ProcessReader> (*make_reader)(const procfs::Tree&);
  Judge judge;
  void (*store)(Outcome outcome);
};

/// All there are, in the order in which a scrape waits for them.
std::span<const LaneKind> lane_kinds();

/// What reads of one kind need of the others.
struct LaneOptions {
  std::shared_ptr<CpuBudget> budget;
  std::shared_ptr<ReadsUnderWay> reads;
  Now now;
};

/// Reads of one kind: on a thread of its own, which starts with the first collection that wants it,
/// out of a part of the budget. What they find stays with the process.
class Lane {
 public:
  /// `number`: its place among lane_kinds(). The tree must outlive the lane.
  Lane(const procfs::Tree& procfs, std::size_t number, LaneOptions options);

  const LaneKind& kind() const { return kind_; }

  /// In force from now on. Without its reads nothing is begun that was asked for before.
  void use(std::shared_ptr<const Settings> settings);

  /// Whether a collection with these extras wants its reads.
  bool is_wanted(Extras extras) const;
  bool is_waited_for() const;

  /// Asks for what is due.
  void submit(const std::unordered_map<pid_t, Process>& processes, const Moment& moment);
  void wait(std::chrono::nanoseconds at_most);

  /// Leaves what has come back with its process, if that is still the same one. `since`: as in
  /// Outcome.
  void accept(ProcessTable& table, const Vouched& refresh, Clock::time_point since);

  /// Whose reads hang; see Worker.
  std::vector<ProcessId> stuck();
  LaneReaders readers() const;
  SamplingCost cost() const;

 private:
  bool is_exact() const { return settings_->pss_mode == PssMode::exact; }
  bool is_allowed() const { return settings_->pss_mode != PssMode::off || !kind_.walks_pages; }
  void start();
  void set_pace();

  const procfs::Tree& procfs_;
  const std::size_t number_;
  const LaneKind& kind_;
  const LaneOptions options_;
  std::shared_ptr<const Settings> settings_;
  std::unique_ptr<Worker> worker_;
  Turns turns_;
};

}  // namespace memory_exporter::process
