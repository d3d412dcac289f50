#include "collectors/process/sampling/cpu_budget.h"

#include <algorithm>
#include <numeric>

namespace memory_exporter::process {

using std::chrono::nanoseconds;

namespace {

/// More than anybody saves up; the largest time there is cannot be added to.
constexpr nanoseconds most_burst = std::chrono::hours(24);

nanoseconds share_of(nanoseconds whole, double share) {
  return std::chrono::duration_cast<nanoseconds>(whole * share);
}

}  // namespace

CpuBudget::CpuBudget(double rate, nanoseconds burst, Clock::time_point now,
                     std::span<const double> weights)
    : rate_(rate), refilled_(now) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (const double weight : weights) {
    const auto part = share_of(std::min(burst, most_burst), weight / sum);
    parts_.push_back({weight / sum, part, part});
    granted_ += part;
  }
}

void CpuBudget::limit(double rate, nanoseconds burst, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  refill(now);
  rate_ = rate;
  unlimited_ = false;
  for (auto& part : parts_) {
    part.burst = share_of(std::min(burst, most_burst), part.share);
    part.left = std::min(part.left, part.burst);
  }
}

void CpuBudget::lift_limit() {
  const std::lock_guard lock(mutex_);
  unlimited_ = true;
}

std::shared_ptr<CpuBudget> CpuBudget::unlimited() {
  std::shared_ptr<CpuBudget> budget(new CpuBudget);
  budget->unlimited_ = true;
  return budget;
}

void CpuBudget::refill(Clock::time_point now) {
  if (now <= refilled_) return;  // threads come here in another order than they read the clock
  const auto earned = share_of(now - refilled_, rate_);
  refilled_ = now;
  auto surplus = earned;
  const auto take = [&](Part& part, nanoseconds most) {
    const auto taken = std::min({most, surplus, part.burst - part.left});
    part.left += taken;
    granted_ += taken;
    surplus -= taken;
  };
  for (auto& part : parts_) take(part, share_of(earned, part.share));
  for (auto& part : parts_) take(part, surplus);
}

bool CpuBudget::may_spend(Clock::time_point now, std::size_t lane) {
  const std::lock_guard lock(mutex_);
  if (unlimited_) return true;
  refill(now);
  return parts_[lane].left.count() > 0;
}

void CpuBudget::spend(nanoseconds cost, std::size_t lane) {
  const std::lock_guard lock(mutex_);
  if (unlimited_) return;
  parts_[lane].left -= cost;
}

nanoseconds CpuBudget::granted() const {
  const std::lock_guard lock(mutex_);
  return granted_;
}

}  // namespace memory_exporter::process
