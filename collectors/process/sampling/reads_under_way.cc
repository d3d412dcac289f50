#include "collectors/process/sampling/reads_under_way.h"

#include <algorithm>

namespace memory_exporter::process {

/// With room for all there can be, so that no claim fails for lack of memory.
ReadsUnderWay::ReadsUnderWay() {
  constexpr std::size_t lanes = 8;
  reads_.reserve(most_replaced + lanes);
  awaited_.reserve(lanes);
}

ReadsUnderWay::Claim ReadsUnderWay::claim(const ProcessId& id) {
  const std::lock_guard lock(mutex_);
  for (const auto& read : reads_) {
    if (read.id == id) return read.hung ? Claim::hangs : Claim::busy;
  }
  reads_.push_back({id});
  return Claim::granted;
}

void ReadsUnderWay::release(const ProcessId& id) {
  const std::lock_guard lock(mutex_);
  std::erase_if(reads_, [&](const Read& read) { return read.id == id; });
  tell_who_waits_for(id);
}

void ReadsUnderWay::set_hung(const ProcessId& id, bool hung) {
  const std::lock_guard lock(mutex_);
  for (auto& read : reads_) {
    if (read.id == id) read.hung = hung;
  }
  tell_who_waits_for(id);
}

bool ReadsUnderWay::take_replacement() {
  const std::lock_guard lock(mutex_);
  if (replaced_ == most_replaced) return false;
  ++replaced_;
  return true;
}

void ReadsUnderWay::give_back_replacement() {
  const std::lock_guard lock(mutex_);
  --replaced_;
}

bool ReadsUnderWay::wait_while_busy(const ProcessId& id, std::uint64_t seen,
                                    std::chrono::nanoseconds at_most) {
  std::unique_lock lock(mutex_);
  awaited_.push_back(id);
  change_.wait_for(lock, at_most, [&] { return wakes_ != seen || !is_busy(id); });
  awaited_.erase(std::find(awaited_.begin(), awaited_.end(), id));
  return !is_busy(id);
}

std::uint64_t ReadsUnderWay::wake() {
  const std::lock_guard lock(mutex_);
  change_.notify_all();
  return ++wakes_;
}

std::uint64_t ReadsUnderWay::wakes() const {
  const std::lock_guard lock(mutex_);
  return wakes_;
}

bool ReadsUnderWay::is_busy(const ProcessId& id) const {
  return std::any_of(reads_.begin(), reads_.end(),
                     [&](const Read& read) { return read.id == id && !read.hung; });
}

/// A lane that waits for one process need not wake up for every other.
void ReadsUnderWay::tell_who_waits_for(const ProcessId& id) {
  if (std::find(awaited_.begin(), awaited_.end(), id) != awaited_.end()) change_.notify_all();
}

}  // namespace memory_exporter::process
