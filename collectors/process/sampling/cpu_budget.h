#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "collectors/process/facts/clock.h"

namespace memory_exporter::process {

/// CPU time that all reads together may spend: grows with time at `rate` of one core, up to
/// `burst`; starts full. Each lane has a part of it by its weight. What a full one cannot hold goes
/// to the others, so that none starves another and nothing is lost while one rests. A read may
/// begin while something is left in its lane's part: a debt is at most one read, and that lane's
/// own. Safe to share between threads.
class CpuBudget {
 public:
  /// `weights`: one a lane, each above 0.
  CpuBudget(double rate, std::chrono::nanoseconds burst, Clock::time_point now,
            std::span<const double> weights);

  /// One that is never empty: exact mode.
  static std::shared_ptr<CpuBudget> unlimited();

  /// From now on. What was saved up stays, as far as it can be held.
  void limit(double rate, std::chrono::nanoseconds burst, Clock::time_point now);
  void lift_limit();

  bool may_spend(Clock::time_point now, std::size_t lane);
  void spend(std::chrono::nanoseconds cost, std::size_t lane);
  /// All it has handed out since the start; what found every lane full is not in it.
  std::chrono::nanoseconds granted() const;

 private:
  struct Part {
    double share;                    ///< of the whole
    std::chrono::nanoseconds burst;  ///< the most it can hold
    std::chrono::nanoseconds left;
  };

  CpuBudget() = default;
  void refill(Clock::time_point now);

  mutable std::mutex mutex_;
  double rate_ = 0;
  bool unlimited_ = false;
  std::vector<Part> parts_;
  std::chrono::nanoseconds granted_{};
  Clock::time_point refilled_{};
};

}  // namespace memory_exporter::process
