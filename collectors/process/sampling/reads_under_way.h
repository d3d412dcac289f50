#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "collectors/process/facts/process.h"

namespace memory_exporter::process {

/// Which processes are being read, by all lanes together, and how many threads have been replaced
/// because theirs did not come back. The files of a process that take its mmap_lock hang together:
/// a process that one lane reads is left alone by the others, so that one whose lock is held costs
/// one thread and not one a lane. Safe to share between threads; all calls but the wait are short.
class ReadsUnderWay {
 public:
  /// Threads that wait in reads that hang, beside one a lane. Each costs some 40 KiB, half of them
  /// the kernel's, until its read comes back. Whoever holds the locks of more processes than this
  /// ends the sampling of all until one of them is let go.
  static constexpr int most_replaced = 32;

  ReadsUnderWay();

  enum class Claim {
    granted,  ///< until release()
    busy,     ///< another lane reads it
    hangs,    ///< and has been at it for too long
  };
  Claim claim(const ProcessId& id);
  void release(const ProcessId& id);

  /// Says of a process that was claimed whether its read hangs.
  void set_hung(const ProcessId& id, bool hung);

  /// Takes one of most_replaced; false where all are taken.
  bool take_replacement();
  void give_back_replacement();

  /// Waits until a process is no longer busy: false where it still is after `at_most`, or where
  /// wake() was called since it returned `seen`.
  bool wait_while_busy(const ProcessId& id, std::uint64_t seen, std::chrono::nanoseconds at_most);
  /// Ends all waits. Returns how often it has been called.
  std::uint64_t wake();
  std::uint64_t wakes() const;

 private:
  struct Read {
    ProcessId id;
    bool hung = false;
  };
  bool is_busy(const ProcessId& id) const;
  void tell_who_waits_for(const ProcessId& id);

  mutable std::mutex mutex_;
  std::condition_variable change_;
  std::uint64_t wakes_ = 0;
  int replaced_ = 0;
  std::vector<Read> reads_;         ///< one a thread
  std::vector<ProcessId> awaited_;  ///< one a lane
};

}  // namespace memory_exporter::process
