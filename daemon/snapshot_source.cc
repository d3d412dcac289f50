#include "daemon/snapshot_source.h"

#include <condition_variable>
#include <mutex>
#include <optional>

namespace memory_exporter {
namespace {

/// One collection and all who wait for it.
struct Flight {
  SnapshotSource::Clock::time_point deadline;
  std::optional<Result<SnapshotSource::Snapshot>> result;
};

Error unfinished(ErrorKind kind, std::string what) {
  return Error{kind, std::move(what), {}, 0};
}

}  // namespace

/// What the thread and its source both use; the thread may be left behind with it.
struct SnapshotSource::Shared {
  explicit Shared(Collect function) : collect(std::move(function)) {}

  const Collect collect;
  std::mutex mutex;
  std::condition_variable asked;     ///< a flight is there, or stopping
  std::condition_variable answered;  ///< a flight has its result, stopping, or ended
  std::shared_ptr<Flight> flight;    ///< from the first who asks until its result
  Snapshot last;
  bool stopping = false;
  bool ended = false;
};

SnapshotSource::SnapshotSource(Collect collect)
    : shared_(std::make_shared<Shared>(std::move(collect))),
      thread_([shared = shared_] { run(shared); }) {}

SnapshotSource::~SnapshotSource() {
  stop();
}

Result<SnapshotSource::Snapshot> SnapshotSource::get(Clock::time_point deadline) {
  std::unique_lock lock(shared_->mutex);
  if (!shared_->flight && !shared_->stopping) {
    shared_->flight = std::make_shared<Flight>(Flight{deadline, std::nullopt});
    shared_->asked.notify_one();
  }
  const auto flight = shared_->flight;
  shared_->answered.wait_until(
      lock, deadline, [&] { return shared_->stopping || (flight && flight->result.has_value()); });
  if (flight && flight->result) return *flight->result;
  if (shared_->stopping) return unfinished(ErrorKind::failed, "the exporter is stopping");
  return unfinished(ErrorKind::timeout, "the processes were not read before the scrape's deadline");
}

SnapshotSource::Snapshot SnapshotSource::last() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->last;
}

void SnapshotSource::set_last(Snapshot snapshot) {
  const std::lock_guard lock(shared_->mutex);
  shared_->last = std::move(snapshot);
}

bool SnapshotSource::stop(std::chrono::nanoseconds patience) {
  if (!thread_.joinable()) return true;
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->asked.notify_all();
  shared_->answered.notify_all();
  const bool ended = shared_->answered.wait_for(lock, patience, [&] { return shared_->ended; });
  lock.unlock();
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
  return ended;
}

void SnapshotSource::run(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  while (true) {
    shared->asked.wait(lock, [&] { return shared->stopping || shared->flight; });
    if (shared->stopping) break;
    const auto deadline = shared->flight->deadline;
    lock.unlock();
    std::optional<Result<Snapshot>> result;
    try {
      result = shared->collect(deadline);
    } catch (const std::exception& failed) {
      result = unfinished(ErrorKind::failed, failed.what());
    }
    lock.lock();
    if (result->ok()) shared->last = **result;
    shared->flight->result = std::move(result);
    shared->flight.reset();
    shared->answered.notify_all();
  }
  shared->ended = true;
  shared->answered.notify_all();
}

}  // namespace memory_exporter
