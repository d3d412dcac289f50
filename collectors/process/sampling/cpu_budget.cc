#include "collectors/process/sampling/cpu_budget.h"

#include <algorithm>

namespace memory_exporter::process {

using std::chrono::nanoseconds;

namespace {

/// More than anybody saves up; the largest time there is cannot be added to.
constexpr nanoseconds most_burst = std::chrono::hours(24);

}  // namespace

CpuBudget::CpuBudget(double rate, nanoseconds burst, Clock::time_point now, std::size_t lanes)
    : rate_(rate),
      burst_(std::min(burst, most_burst) / static_cast<std::int64_t>(lanes)),
      left_(lanes, burst_),
      granted_(burst_ * static_cast<std::int64_t>(lanes)),
      refilled_(now) {}

std::shared_ptr<CpuBudget> CpuBudget::unlimited() {
  auto budget = std::make_shared<CpuBudget>(0.0, nanoseconds(), Clock::time_point());
  budget->unlimited_ = true;
  return budget;
}

void CpuBudget::refill(Clock::time_point now) {
  if (now <= refilled_) return;  // threads come here in another order than they read the clock
  auto earned = std::chrono::duration_cast<nanoseconds>((now - refilled_) * rate_);
  refilled_ = now;
  const auto take = [&](nanoseconds& left, nanoseconds most) {
    const auto taken = std::min({earned, most, burst_ - left});
    left += taken;
    granted_ += taken;
    earned -= taken;
  };
  const auto part = earned / static_cast<std::int64_t>(left_.size());
  for (auto& left : left_) take(left, part);
  for (auto& left : left_) take(left, earned);
}

bool CpuBudget::may_spend(Clock::time_point now, std::size_t lane) {
  if (unlimited_) return true;
  const std::lock_guard lock(mutex_);
  refill(now);
  return left_[lane].count() > 0;
}

void CpuBudget::spend(nanoseconds cost, std::size_t lane) {
  if (unlimited_) return;
  const std::lock_guard lock(mutex_);
  left_[lane] -= cost;
}

nanoseconds CpuBudget::granted() const {
  const std::lock_guard lock(mutex_);
  return granted_;
}

}  // namespace memory_exporter::process
