#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <vector>

#include "collectors/process/process.h"
#include "collectors/process/snapshot.h"
#include "collectors/procfs/reader.h"

namespace memory_exporter::process {

/// One process to walk, as the table knew it when it asked.
struct WalkRequest {
  ProcessId id;
  pid_t memory_thread = 0;
  Image image;
  Bytes resident;
  Bytes swap;
  std::uint64_t faults = 0;
};

/// A read that came back, with or without success. Whether it counts is for the table to say: the
/// process may have exited or exec'd meanwhile.
struct Walk {
  WalkRequest request;
  Result<procfs::SmapsRollup> memory;
  Clock::time_point began;
  Clock::time_point taken;
  std::chrono::nanoseconds cpu{};

  /// How long the target's mmap_lock may have been held.
  std::chrono::nanoseconds held() const { return taken - began; }
};

/// CPU time that walks may spend: grows with time at `rate`, up to `burst`; starts full. A walk may
/// begin while something is left, so the debt is at most one walk.
class TokenBucket {
 public:
  TokenBucket(double rate, std::chrono::nanoseconds burst, Clock::time_point now)
      : rate_(rate), burst_(burst), tokens_(burst), granted_(burst), refilled_(now) {}

  bool may_spend(Clock::time_point now);
  void spend(std::chrono::nanoseconds cost) { tokens_ -= cost; }
  /// All it has handed out since the start; what overflowed a full bucket is not in it.
  std::chrono::nanoseconds granted() const { return granted_; }

 private:
  double rate_;
  std::chrono::nanoseconds burst_;
  std::chrono::nanoseconds tokens_;
  std::chrono::nanoseconds granted_;
  Clock::time_point refilled_;
};

/// Reads smaps_rollup on a thread of its own, one process after another, in the order given, out of
/// a budget of CPU time. It never changes its own priority: a slow reader would hold the target's
/// mmap_lock for longer.
///
/// A read hangs for as long as its target's mmap_lock is held for writing. One that has not come
/// back after `hang_limit` is given up: another thread takes over the queue (at most two do), and
/// the destructor leaves the hung one behind, on state that it keeps alive itself.
class Sampler {
 public:
  static constexpr std::chrono::seconds hang_limit{2};
  static constexpr int most_replacements = 2;

  struct Budget {
    double cpu_rate = 0.05;  ///< share of one core
    std::chrono::nanoseconds burst = std::chrono::seconds(1);
    bool unlimited = false;
  };

  Sampler(const procfs::Tree& procfs, Budget budget, Monitor::Now now);
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  /// Replaces what is queued and not yet begun. What does not fit the budget is dropped, not kept:
  /// the next collection asks again, with newer knowledge.
  void submit(std::vector<WalkRequest> requests);

  /// Returns when everything submitted has been read, dropped or found to hang, and after `at_most`
  /// at the latest.
  void wait(std::chrono::nanoseconds at_most);

  /// What has come back since the last call, in the order of reading.
  std::vector<Walk> take();

  /// Whose reads have not come back within hang_limit.
  std::vector<ProcessId> stuck();

  SamplingCost cost() const;

 private:
  struct Shared;
  static void run(const std::shared_ptr<Shared>& shared);
  void start_thread();
  void replace_hung_threads();

  std::shared_ptr<Shared> shared_;
};

}  // namespace memory_exporter::process
