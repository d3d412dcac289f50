#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "collectors/procfs/meminfo.h"
#include "collectors/procfs/reader.h"
#include "collectors/read_failures.h"

namespace memory_exporter {

/// Whether a read of meminfo hangs (it lies on FUSE where lxcfs is): known from one scrape to the
/// next, so that its collectors do not hang one after another. Safe to share between threads.
class MeminfoReads {
 public:
  using Clock = std::chrono::steady_clock;

  /// One read at a time. False where another is not done by then, or is known to hang.
  bool begin(Clock::time_point until);
  void end();
  /// Somebody waited for the read that is under way, in vain.
  void note_hanging();

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool under_way_ = false;
  bool hangs_ = false;
};

/// /proc/meminfo as all collectors of one scrape see it, so that no two families of a reply
/// disagree. It is read once, by the first that asks; safe to share between threads.
class SharedMeminfo {
 public:
  using Clock = MeminfoReads::Clock;

  /// `procfs` must outlive the object. Those who ask while it is read wait until `until`.
  explicit SharedMeminfo(const procfs::Tree& procfs,
                         std::shared_ptr<MeminfoReads> reads = std::make_shared<MeminfoReads>(),
                         Clock::time_point until = Clock::time_point::max())
      : procfs_(procfs), reads_(std::move(reads)), until_(until) {}

  /// Null where the file is not there or cannot be read. What could not be read is counted for the
  /// first that asks and noted for the others. Lives as long as this object, and so does the text
  /// that its names point into.
  const procfs::Meminfo* get(ReadErrors& errors);

 private:
  enum class State { unread, under_way, read };

  const procfs::Tree& procfs_;
  const std::shared_ptr<MeminfoReads> reads_;
  const Clock::time_point until_;
  std::mutex mutex_;
  std::condition_variable is_read_;
  State state_ = State::unread;
  procfs::Buffer text_;
  std::optional<procfs::Meminfo> meminfo_;
  ReadErrors errors_;
};

}  // namespace memory_exporter
