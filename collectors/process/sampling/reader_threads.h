#pragma once

#include <time.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string_view>
#include <vector>

#include "collectors/process/facts/clock.h"
#include "collectors/process/facts/process.h"
#include "collectors/process/facts/snapshot.h"
#include "collectors/process/sampling/reads_under_way.h"

namespace memory_exporter::process {

/// The threads of one lane: what each of them reads, whose read hangs, and who was replaced. Its
/// lane's mutex guards it.
///
/// A read waits for as long as its target's mmap_lock is held for writing. Where one shows no
/// progress, neither in parts nor in CPU time, for as long as the lane is patient, another thread
/// takes over; after `hang_limit` the read counts as hung.
class ReaderThreads {
 public:
  static constexpr std::chrono::seconds hang_limit{2};
  static constexpr std::chrono::milliseconds least_progress{20};  ///< of CPU time

  struct Read {
    ProcessId id;
    Clock::time_point progress;      ///< when it last showed some
    clockid_t thread_clock;          ///< of the thread that reads, for all threads
    std::chrono::nanoseconds cpu{};  ///< of that thread, at `progress`
    bool hung = false;               ///< no progress within hang_limit
    bool replaced = false;  ///< another thread does its work: this one ends when it comes back
  };
  using Handle = std::list<Read>::iterator;

  /// `patience`: no longer than hang_limit.
  ReaderThreads(std::shared_ptr<ReadsUnderWay> reads, std::chrono::nanoseconds patience)
      : reads_(std::move(reads)), patience_(patience) {}

  std::chrono::nanoseconds patience() const { return patience_; }
  void set_patience(std::chrono::nanoseconds patience) { patience_ = patience; }

  /// Starts a thread that runs `work`, which calls ended() at last. False where the system has none
  /// left (TasksMax, RLIMIT_NPROC) or no room for its stack.
  bool start(const std::function<void()>& work);
  /// `failed`: before its time.
  void ended(bool failed);

  /// A read of a process that was claimed begins.
  Handle begin(Read read);
  void show_progress(Handle read, Clock::time_point now, std::chrono::nanoseconds cpu);
  /// The claim ends as well. False where another thread has taken over: this one is to end.
  bool end(Handle read);

  /// Looks who hangs, and starts a thread with `work` for each that is to be replaced. `waits`:
  /// there is something to be read.
  void replace_hung(Clock::time_point now, bool waits, const std::function<void()>& work);

  const std::list<Read>& reads() const { return under_way_; }
  std::ptrdiff_t running() const { return running_; }
  bool all_hang() const;     ///< all that is being read, if anything is
  bool nobody_left() const;  ///< who could read on
  std::vector<ProcessId> hung() const;
  LaneReaders counts(std::string_view lane) const;

 private:
  std::chrono::nanoseconds look_at(Read& read, Clock::time_point now);
  void set_hung(Read& read, bool hung);

  const std::shared_ptr<ReadsUnderWay> reads_;
  std::chrono::nanoseconds patience_;
  std::list<Read> under_way_;   ///< one a thread at most
  std::ptrdiff_t running_ = 0;  ///< ReadsUnderWay::most_replaced and one at most
  std::uint64_t start_failures_ = 0;
};

}  // namespace memory_exporter::process
