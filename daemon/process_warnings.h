#pragma once

#include <cstdint>
#include <mutex>

#include "collectors/process/facts/snapshot.h"
#include "daemon/log.h"

namespace memory_exporter {

/// Tells the operator, one line each time it begins, what keeps a collection from showing all: too
/// many groups, and reads that hang or are not done. No line holds what a process may choose. Safe
/// to call from many threads.
class ProcessWarnings {
 public:
  explicit ProcessWarnings(Log& log) : log_(log) {}

  /// To be called with each collection.
  void look_at(const process::Snapshot& snapshot);

 private:
  /// What was the case at the last look.
  struct Seen {
    bool folded = false;
    bool hung = false;
    bool paused = false;
    std::uint64_t start_failures = 0;
  };

  Log& log_;
  std::mutex mutex_;
  Seen seen_;
};

}  // namespace memory_exporter
