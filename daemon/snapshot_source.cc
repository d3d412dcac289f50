#include "daemon/snapshot_source.h"

#include <condition_variable>
#include <mutex>
#include <optional>

namespace memory_exporter {
namespace {

using Clock = SnapshotSource::Clock;

/// One collection and all who wait for it.
struct Flight {
  std::chrono::nanoseconds time{};  ///< that it is given, from its beginning
  Clock::time_point deadline;
  std::optional<Result<SnapshotSource::Taken>> result;
  bool outdated = false;  ///< it shows what was asked for before the last use()
};

Error unfinished(ErrorKind kind, std::string what) {
  return Error{kind, std::move(what), {}, 0};
}

}  // namespace

/// What the thread and its source both use; the thread may be left behind with it.
struct SnapshotSource::Shared {
  Shared(Collect function, Options chosen) : collect(std::move(function)), options(chosen) {}

  bool serves(const std::shared_ptr<Flight>& flight, Clock::duration wanted) const {
    return flight && !flight->outdated &&
           memory_exporter::serves(flight->time, wanted, options.enough_time);
  }
  bool still_shared(const std::shared_ptr<Flight>& flight, Clock::time_point now) const {
    return flight && now - (*flight->result)->ended < options.share;
  }
  std::shared_ptr<Flight> join(Clock::time_point deadline);

  const Collect collect;
  std::mutex mutex;
  Options options;
  std::condition_variable asked;      ///< a flight is there, or stopping
  std::condition_variable answered;   ///< a flight has its result, stopping, or ended
  std::shared_ptr<Flight> current;    ///< is collecting
  std::shared_ptr<Flight> next;       ///< begins after it
  std::shared_ptr<Flight> succeeded;  ///< the last that brought a snapshot
  Snapshot last;
  bool stopping = false;
  bool ended = false;
};

/// The flight that serves who has until `deadline`.
std::shared_ptr<Flight> SnapshotSource::Shared::join(Clock::time_point deadline) {
  const auto now = Clock::now();
  const auto wanted = deadline - now;
  if (serves(current, wanted)) return current;
  if (!current && still_shared(succeeded, now) && serves(succeeded, wanted)) return succeeded;
  if (!next) {
    next = std::make_shared<Flight>();
    next->deadline = deadline;
    asked.notify_one();
  }
  next->deadline = std::max(next->deadline, deadline);
  return next;
}

SnapshotSource::SnapshotSource(Collect collect, Options options)
    : shared_(std::make_shared<Shared>(std::move(collect), options)),
      thread_([shared = shared_] { run(shared); }) {}

SnapshotSource::~SnapshotSource() {
  stop();
}

Result<SnapshotSource::Taken> SnapshotSource::get(Clock::time_point deadline) {
  std::unique_lock lock(shared_->mutex);
  if (shared_->stopping) return unfinished(ErrorKind::failed, "the exporter is stopping");
  const auto flight = shared_->join(deadline);
  shared_->answered.wait_until(lock, deadline,
                               [&] { return shared_->stopping || flight->result.has_value(); });
  if (flight->result) return *flight->result;
  if (shared_->stopping) return unfinished(ErrorKind::failed, "the exporter is stopping");
  return unfinished(ErrorKind::timeout, "the processes were not read before the scrape's deadline");
}

void SnapshotSource::use(Options options) {
  const std::lock_guard lock(shared_->mutex);
  shared_->options = options;
  for (const auto& flight : {shared_->current, shared_->succeeded}) {
    if (flight) flight->outdated = true;
  }
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
    shared->asked.wait(lock, [&] { return shared->stopping || shared->next; });
    if (shared->stopping) break;
    const auto flight = std::move(shared->next);
    shared->next.reset();
    flight->time = flight->deadline - Clock::now();
    if (flight->time <= Clock::duration::zero()) continue;  // nobody waits for it any more
    shared->current = flight;
    lock.unlock();
    std::optional<Result<Snapshot>> result;
    try {
      result = shared->collect(flight->deadline);
    } catch (const std::exception& failed) {
      result = unfinished(ErrorKind::failed, failed.what());
    }
    lock.lock();
    if (result->ok()) {
      shared->last = **result;
      flight->result = Taken{**result, Clock::now()};
      shared->succeeded = flight;
    } else {
      flight->result = result->error();
    }
    shared->current.reset();
    shared->answered.notify_all();
  }
  shared->ended = true;
  shared->answered.notify_all();
}

}  // namespace memory_exporter
