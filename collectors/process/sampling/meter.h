#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include "collectors/process/facts/clock.h"
#include "collectors/process/sampling/cpu_budget.h"
#include "collectors/process/sampling/read.h"
#include "collectors/process/sampling/thread_cpu_time.h"

namespace memory_exporter::process {

/// Measures one read, part by part, on the thread that reads, and pays for it out of its lane's
/// part of the budget. Asking for the CPU time of a part takes 0.3 us.
class Meter final : public ReadControl {
 public:
  /// Asked after each pause, with the time it is: whether to read on.
  using GoesOn = std::function<bool(Clock::time_point)>;

  Meter(Now now, CpuBudget& budget, std::size_t lane, ThreadCpuTime& cpu_time, GoesOn goes_on)
      : now_(std::move(now)),
        budget_(budget),
        lane_(lane),
        cpu_time_(cpu_time),
        goes_on_(std::move(goes_on)),
        part_began_(now_()) {}

  /// Short ones are taken together: asking for the CPU time of each would cost a hundredth.
  void held() override {
    if (now_() - part_began_ >= short_hold) close_held();
  }
  void not_held() override { close_part(); }
  bool pause(std::chrono::nanoseconds length) override;

  /// The part at hand held the lock, and is over.
  void close_held();

  const ReadCost& cost() const { return cost_; }
  std::chrono::nanoseconds time() const { return time_; }  ///< without the pauses
  /// Of its parts that held the lock, waits for it included.
  std::chrono::nanoseconds longest_part() const { return longest_part_; }

 private:
  struct Part {
    std::chrono::nanoseconds cpu;
    std::chrono::nanoseconds wall;
  };
  Part close_part();

  static constexpr std::chrono::milliseconds stall{1};
  static constexpr std::chrono::microseconds short_hold{100};

  const Now now_;
  CpuBudget& budget_;
  const std::size_t lane_;
  ThreadCpuTime& cpu_time_;
  const GoesOn goes_on_;
  Clock::time_point part_began_;
  ReadCost cost_;
  std::chrono::nanoseconds time_{};
  std::chrono::nanoseconds longest_part_{};
};

}  // namespace memory_exporter::process
