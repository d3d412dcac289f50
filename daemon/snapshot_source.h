#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include "collectors/process/monitor.h"
#include "daemon/time_to_answer.h"

namespace memory_exporter {

/// Collects processes for whoever asks, one collection at a time: those who ask while one runs, or
/// soon after it has ended, get its snapshot too. The collection has a thread of its own, so that
/// nobody waits longer than his own deadline, whatever the kernel does to the reader. Without a
/// caller the thread sleeps.
///
/// A collection takes the deadline of whoever gives it most time. Who has more time than a
/// collection was given does not share it: it may have left out what there was no time for. He gets
/// the next, which begins as soon as it has ended.
class SnapshotSource {
 public:
  using Clock = process::Clock;
  using Snapshot = std::shared_ptr<const process::Snapshot>;
  using Collect = std::function<Result<Snapshot>(Clock::time_point deadline)>;

  struct Options {
    /// How long after its end a collection is still shared; 0: not at all.
    std::chrono::nanoseconds share{};
    /// With so much time a collection leaves out nothing for want of it.
    std::chrono::nanoseconds enough_time = std::chrono::nanoseconds::max();
  };

  /// `collect` is called on the source's thread. It may outlive the source (see stop()), so it owns
  /// what it uses.
  explicit SnapshotSource(Collect collect) : SnapshotSource(std::move(collect), Options{}) {}
  SnapshotSource(Collect collect, Options options);
  ~SnapshotSource();  ///< as stop()

  struct Taken {
    Snapshot snapshot;
    Clock::time_point ended;  ///< its collection

    const process::Snapshot& operator*() const { return *snapshot; }
    const process::Snapshot* operator->() const { return snapshot.get(); }
  };

  /// The snapshot of the collection that runs, has just ended, or of a new one. The error of the
  /// collection, or one of its own when the deadline passes or stop() is called first.
  Result<Taken> get(Clock::time_point deadline);

  /// From now on; and what is being collected, or has been, is no longer shared.
  void use(Options options);

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
