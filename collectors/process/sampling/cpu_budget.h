#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

#include "collectors/process/facts/clock.h"

namespace memory_exporter::process {

/// CPU time that reads may spend: grows with time at `rate` of one core, up to `burst`; starts
/// full. Lanes have equal parts of it. What a full one cannot hold goes to the others, so that none
/// starves another and nothing is lost while one rests. A read may begin while something is left in
/// its lane's part: a debt is at most one read, and that lane's own. Safe to share between threads.
class CpuBudget {
 public:
  CpuBudget(double rate, std::chrono::nanoseconds burst, Clock::time_point now,
            std::size_t lanes = 1);

  /// One that is never empty: exact mode.
  static std::shared_ptr<CpuBudget> unlimited();

  bool may_spend(Clock::time_point now, std::size_t lane = 0);
  void spend(std::chrono::nanoseconds cost, std::size_t lane = 0);
  /// All it has handed out since the start; what found every lane full is not in it.
  std::chrono::nanoseconds granted() const;

 private:
  void refill(Clock::time_point now);

  const double rate_;
  const std::chrono::nanoseconds burst_;  ///< of one lane
  bool unlimited_ = false;
  mutable std::mutex mutex_;
  std::vector<std::chrono::nanoseconds> left_;  ///< of each lane
  std::chrono::nanoseconds granted_;
  Clock::time_point refilled_;
};

}  // namespace memory_exporter::process
