#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "collectors/process/sampling/sampler.h"
#include "collectors/process/sampling/sampling_policy.h"
#include "collectors/process/table/process_table.h"

namespace memory_exporter::process {

/// Reads a file of every process now and then: on a thread of its own, which starts with the first
/// collection that wants it, out of a budget of its own. What it finds stays with the process.
template <typename Found>
class ReadingLane {
 public:
  using LastReading = std::shared_ptr<const Reading<Found>> Process::*;

  struct Settings {
    std::vector<std::string_view> files;  ///< for the count of failed reads
    LastReading last;
    MakeWalkReader<Found> make_reader;
    std::shared_ptr<CpuBudget> budget;
    std::shared_ptr<ReadsUnderWay> reads;
    ReadingPolicy policy;
    double stall_budget;  ///< as in rest_after()
    Now now;
    /// Counts what could not be read of a reading that has something else to say; null: all or
    /// nothing.
    void (*count_failures)(const Found&, ProcessTable&) = nullptr;
  };

  /// The tree must outlive the lane.
  ReadingLane(const procfs::Tree& procfs, Settings settings)
      : procfs_(procfs), settings_(std::move(settings)) {}

  /// Asks for what is due in a collection that began at `began`.
  void submit(const std::unordered_map<pid_t, Process>& processes, Clock::time_point began) {
    if (!sampler_) sampler_.emplace(procfs_, sampler_settings());
    const auto last = [this](const Process& process) -> std::optional<Clock::time_point> {
      const auto& reading = process.*settings_.last;
      return reading ? std::optional(reading->began) : std::nullopt;
    };
    sampler_->submit(choose_readings(processes, last, settings_.policy, began, settings_.now()));
  }

  void wait(std::chrono::nanoseconds at_most) {
    if (sampler_) sampler_->wait(at_most);
  }

  /// Leaves what has come back with its process, if that is still the same one. `refreshed`: when
  /// the table last saw to that.
  void accept(ProcessTable& table, Clock::time_point refreshed) {
    if (!sampler_) return;
    for (auto& walk : sampler_->take()) accept(std::move(walk), table, refreshed);
  }

  /// Whose reads hang; see Sampler.
  std::vector<ProcessId> stuck() { return sampler_ ? sampler_->stuck() : std::vector<ProcessId>(); }

  LaneReaders readers(std::string_view lane) const {
    return sampler_ ? sampler_->readers(lane) : LaneReaders{lane};
  }

  SamplingCost cost() const { return sampler_ ? sampler_->cost() : SamplingCost(); }

 private:
  void accept(Walk<Found> walk, ProcessTable& table, Clock::time_point refreshed) {
    const auto& request = walk.request;
    table.let_rest(request.id, request.image, request.method, walk.began,
                   rest_after(request.method, walk.cost, settings_.stall_budget));
    auto* process = table.find(request.id, request.image);
    if (process == nullptr) return;
    auto reading = std::make_shared<Reading<Found>>();
    reading->began = walk.began;
    if (walk.payload) {
      if (walk.ended > refreshed && !runs(table, request)) return;
      reading->found = std::move(*walk.payload);
      if (settings_.count_failures != nullptr) settings_.count_failures(*reading->found, table);
    } else {
      const auto& error = walk.payload.error();
      const bool ended = error.kind == ErrorKind::vanished && !runs(table, request);
      if (ended) return;
      if (error.kind != ErrorKind::vanished) table.count_error(file_of(error), error.kind);
      if (error.kind == ErrorKind::exhausted) return;  // ours, not the process's: it is asked again
    }
    process->*settings_.last = std::move(reading);
  }

  /// Whether it runs for certain.
  static bool runs(ProcessTable& table, const WalkRequest& request) {
    const auto still = table.still_runs(request.id, request.image);
    return still && *still;
  }

  std::string_view file_of(const Error& error) const {
    for (const auto file : settings_.files) {
      if (error.path.ends_with(file)) return file;
    }
    return settings_.files.front();
  }

  typename Sampler<Found>::Settings sampler_settings() const {
    return {.make_reader = settings_.make_reader,
            .budget = settings_.budget,
            .now = settings_.now,
            .reads = settings_.reads,
            .complete = settings_.policy.exact};
  }

  const procfs::Tree& procfs_;
  const Settings settings_;
  std::optional<Sampler<Found>> sampler_;
};

}  // namespace memory_exporter::process
