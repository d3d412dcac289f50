#pragma once

#include <chrono>
#include <memory>
#include <mutex>

#include "collectors/process/monitor.h"

namespace memory_exporter::process {

/// CPU time that walks may spend: grows with time at `rate` of one core, up to `burst`; starts
/// full. A walk may begin while something is left, so the debt is at most one read.
class TokenBucket {
 public:
  TokenBucket(double rate, std::chrono::nanoseconds burst, Clock::time_point now)
      : rate_(rate), burst_(burst), tokens_(burst), granted_(burst), refilled_(now) {}

  void refill(Clock::time_point now);
  void spend(std::chrono::nanoseconds cost) { tokens_ -= cost; }
  std::chrono::nanoseconds left() const { return tokens_; }
  /// All it has handed out since the start; what a full bucket could not hold is not in it.
  std::chrono::nanoseconds granted() const { return granted_; }

 private:
  double rate_;
  std::chrono::nanoseconds burst_;
  std::chrono::nanoseconds tokens_;
  std::chrono::nanoseconds granted_;
  Clock::time_point refilled_;
};

/// One bucket for every thread that walks. Safe to share.
class CpuBudget {
 public:
  CpuBudget(double rate, std::chrono::nanoseconds burst, Clock::time_point now)
      : bucket_(rate, burst, now) {}

  /// One that is never empty: exact mode.
  static std::shared_ptr<CpuBudget> unlimited() {
    auto budget = std::make_shared<CpuBudget>(0.0, std::chrono::nanoseconds(), Clock::time_point());
    budget->unlimited_ = true;
    return budget;
  }

  /// True while more than `reserve` is left.
  bool may_spend(Clock::time_point now, std::chrono::nanoseconds reserve);
  void spend(std::chrono::nanoseconds cost);
  std::chrono::nanoseconds granted() const;

 private:
  bool unlimited_ = false;
  mutable std::mutex mutex_;
  TokenBucket bucket_;
};

}  // namespace memory_exporter::process
