#include "collectors/process/cpu_budget.h"

#include <algorithm>

namespace memory_exporter::process {

void TokenBucket::refill(Clock::time_point now) {
  const auto earned =
      std::chrono::duration_cast<std::chrono::nanoseconds>((now - refilled_) * rate_);
  const auto kept = std::min(earned, burst_ - tokens_);
  tokens_ += kept;
  granted_ += kept;
  refilled_ = now;
}

bool CpuBudget::may_spend(Clock::time_point now, std::chrono::nanoseconds reserve) {
  if (unlimited_) return true;
  const std::lock_guard lock(mutex_);
  bucket_.refill(now);
  return bucket_.left() > reserve;
}

void CpuBudget::spend(std::chrono::nanoseconds cost) {
  const std::lock_guard lock(mutex_);
  bucket_.spend(cost);
}

std::chrono::nanoseconds CpuBudget::granted() const {
  const std::lock_guard lock(mutex_);
  return bucket_.granted();
}

}  // namespace memory_exporter::process
