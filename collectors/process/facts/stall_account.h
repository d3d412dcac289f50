#pragma once

#include <array>
#include <chrono>

#include "collectors/process/facts/clock.h"

namespace memory_exporter::process {

/// How a process's memory is read.
enum class WalkMethod {
  rollup,   ///< a file in one read, which may hold the target's mmap_lock all along
  pagemap,  ///< pagemap and kpagecount, in small parts: the lock is held for 0.2 ms at a time
};

/// What a read took of the host and of its target.
struct ReadCost {
  std::chrono::nanoseconds cpu{};
  /// Of the target's mmap_lock. A read that waits for the lock does not hold it: no more than ten
  /// times its CPU time is held against it.
  std::chrono::nanoseconds longest_hold{};
  std::chrono::nanoseconds stalled{};  ///< the sum of the holds of a millisecond or more

  /// As the parts of one read add up.
  void add(const ReadCost& part);
};

/// How much of a target's time a read takes up: the next one begins no sooner than so long after
/// this one began.
///
/// One that held its mmap_lock for c takes c / stall_budget, and a quarter more, because who waits
/// for the lock has to be woken as well; c is the longest hold, or the sum of those of a
/// millisecond or more. A walk in parts takes 50 times its CPU time up to five seconds, and at
/// least 25 times: all parts together hold the lock for 2 %, of a huge process for 4 % of the time.
std::chrono::nanoseconds rest_after(WalkMethod method, const ReadCost& cost, double stall_budget);

/// What has been read of a process, against its stall budget. Files that hold its mmap_lock in one
/// go have one account, and the small parts of pagemap, which hold up nobody and do not wait for
/// the former, another. Exact mode reads all the same, and limits with maps, which walk no pages.
class StallAccount {
 public:
  /// Books a read that began then. In exact mode, where nobody rests, this adds up; a rest ends
  /// within a year, whatever the budget.
  void book(WalkMethod method, const ReadCost& cost, double stall_budget, Clock::time_point began);

  bool rests(WalkMethod method, Clock::time_point now) const {
    return now < rests_until_[static_cast<std::size_t>(method)];
  }

  /// Where a rest in one go would have been so many times as long: what is left of it is. Small
  /// parts rest for seconds at most, and go on.
  void stretch(double times, Clock::time_point now);

  /// Of memory that was read through another process as well: the longer rests of both.
  void merge(const StallAccount& other);

 private:
  std::array<Clock::time_point, 2> rests_until_{};  ///< by WalkMethod
};

}  // namespace memory_exporter::process
