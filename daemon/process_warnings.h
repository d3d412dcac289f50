#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "collectors/process/facts/snapshot.h"
#include "daemon/log.h"

namespace memory_exporter {

/// Tells the operator, one line each time it begins, what keeps a collection from showing all: too
/// many groups, reads that hang or are not done, and a kernel that tells no PSS. No line holds what
/// a process may choose. Safe to call from many threads.
class ProcessWarnings {
 public:
  /// `procfs`: the path of the procfs that is looked at, for the log.
  ProcessWarnings(Log& log, std::string procfs) : log_(log), procfs_(std::move(procfs)) {}

  /// To be called with each collection.
  void look_at(const process::Snapshot& snapshot);

 private:
  /// What was the case at the last look.
  struct Seen {
    bool folded = false;
    bool hung = false;
    bool paused = false;
    std::uint64_t start_failures = 0;
    bool unsupported = false;  ///< ever: only a walk finds out, and it stays so
  };

  Log& log_;
  const std::string procfs_;
  std::mutex mutex_;
  Seen seen_;
};

}  // namespace memory_exporter
