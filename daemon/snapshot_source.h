#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "collectors/process/monitor.h"

namespace memory_exporter {

/// Collects processes for whoever asks, one collection at a time: those who ask while one runs get
/// its snapshot too. The collection has a thread of its own, so that nobody waits longer than his
/// own deadline, whatever the kernel does to the reader. Without a caller the thread sleeps.
class SnapshotSource {
 public:
  using Clock = process::Clock;
  using Snapshot = std::shared_ptr<const process::Snapshot>;
  using Collect = std::function<Result<Snapshot>(Clock::time_point deadline)>;

  /// `collect` is called on the source's thread, with the deadline of the first who asked. It may
  /// outlive the source (see stop()), so it owns what it uses.
  explicit SnapshotSource(Collect collect);
  ~SnapshotSource();  ///< as stop()

  /// The snapshot of the collection that runs, or of a new one. The error of the collection, or one
  /// of its own when the deadline passes or stop() is called first.
  Result<Snapshot> get(Clock::time_point deadline);

  /// The last snapshot there was; null before the first.
  Snapshot last() const;

  /// Makes `snapshot` the last one: for the collection at start, which needs no thread.
  void set_last(Snapshot snapshot);

  /// Sends everyone who waits away with an error and ends the thread. True when it has ended; false
  /// when it still hangs in a read after `patience` and was left behind.
  bool stop(std::chrono::nanoseconds patience = std::chrono::milliseconds(700));

 private:
  struct Shared;
  static void run(const std::shared_ptr<Shared>& shared);

  const std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace memory_exporter
