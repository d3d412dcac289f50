#include "collectors/process/sampling/worker.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

#include "collectors/process/sampling/meter.h"
#include "collectors/process/sampling/thread_cpu_time.h"

namespace memory_exporter::process {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

/// For what another lane reads: at first, and where it has been waited for before.
constexpr milliseconds short_wait{50};
constexpr milliseconds longest_wait{200};

/// Threads that are well end at once. They are waited for, so that nothing of ours runs when the
/// process tears down.
constexpr milliseconds patience_at_the_end{500};

double seconds(nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

/// A read that has begun: how far it came and what it has cost so far.
struct Begun {
  ReadRequest request;
  Clock::time_point began;
  ReadCost cost{};
  std::unique_ptr<ReadProgress> progress{};

  bool is_of(const ReadRequest& asked) const {
    return request.id == asked.id && request.image.same_program(asked.image);
  }
};

/// Memory may run out in the middle: that costs this read, not the daemon nor the process.
std::optional<Result<Found>> read_safely(ProcessReader& reader, Begun& begun,
                                         ReadControl& control) {
  try {
    return reader.read(begun.request, control, begun.progress);
  } catch (const std::bad_alloc& failed) {
    return Result<Found>(Error{ErrorKind::exhausted, failed.what(), {}, 0});
  } catch (const std::exception& failed) {
    return Result<Found>(Error{ErrorKind::failed, failed.what(), {}, 0});
  }
}

}  // namespace

/// What the threads and the owner share; a hung thread keeps it alive beyond the Worker.
struct Worker::Shared : std::enable_shared_from_this<Worker::Shared> {
  using Lock = std::unique_lock<std::mutex>;

  Shared(procfs::Tree tree, Options given)
      : procfs(std::move(tree)),
        options(std::move(given)),
        threads(options.reads, options.patience),
        complete(options.complete) {}

  Clock::time_point now() const { return options.now(); }
  bool may_spend() const { return options.budget->may_spend(now(), options.lane); }
  bool idle() const;
  void enqueue(std::vector<ReadRequest> requests);
  void defer_all();
  std::function<void()> thread();
  void replace_hung_threads();

  void serve();
  bool may_begin();
  std::optional<ReadRequest> claim_next();
  bool read_one(ReadRequest request, ProcessReader& reader, ThreadCpuTime& cpu_time, Lock& lock);
  void count(const Meter& meter);
  void wait_for_others(std::uint64_t wakes, Lock& lock);

  const procfs::Tree procfs;
  const Options options;

  mutable std::mutex mutex;
  std::condition_variable work;  ///< the queue has something, or it is time to stop
  std::condition_variable rest;  ///< a read has ended
  bool stopping = false;
  bool held_up = false;  ///< all that is queued is being read by other lanes
  ReaderThreads threads;
  bool complete;
  std::vector<ReadRequest> queue;      ///< the next one last: one block, given back when it is done
  std::optional<Begun> cut;            ///< stopped short by the budget
  std::vector<FinishedRead> finished;  ///< of what was submitted since take(): one a process
  SamplingCost cost;
};

/// Nothing more will come back soon: all is read, or whoever could read hangs, or others read what
/// is left.
bool Worker::Shared::idle() const {
  const bool left_for_later = held_up && !complete;
  return threads.all_hang() && (queue.empty() || threads.nobody_left() || left_for_later);
}

void Worker::Shared::enqueue(std::vector<ReadRequest> requests) {
  const auto& reads = threads.reads();
  std::erase_if(requests, [&](const ReadRequest& request) {
    return std::any_of(reads.begin(), reads.end(),
                       [&](const auto& read) { return read.id == request.id; });
  });
  const auto again = std::find_if(requests.begin(), requests.end(), [this](const auto& request) {
    return cut && cut->is_of(request);
  });
  if (again == requests.end()) {
    cut.reset();
  } else {
    std::rotate(requests.begin(), again, again + 1);
  }
  std::reverse(requests.begin(), requests.end());
  queue = std::move(requests);
  cost.deferred = 0;
  held_up = false;
}

void Worker::Shared::defer_all() {
  cost.deferred += queue.size();
  queue = std::vector<ReadRequest>();
}

/// A thread's work. One that runs out of memory ends; the next submit() starts another one.
std::function<void()> Worker::Shared::thread() {
  return [self = shared_from_this()] {
    bool failed = false;
    try {
      self->serve();
    } catch (const std::exception&) {
      failed = true;
    }
    const std::lock_guard lock(self->mutex);
    self->threads.ended(failed);
    self->rest.notify_all();
  };
}

void Worker::Shared::replace_hung_threads() {
  threads.replace_hung(now(), !queue.empty(), thread());
}

void Worker::Shared::serve() {
  const auto reader = options.make_reader(procfs);
  ThreadCpuTime cpu_time;
  Lock lock(mutex);
  while (true) {
    work.wait(lock, [this] { return stopping || !queue.empty(); });
    if (stopping) return;
    const auto wakes = options.reads->wakes();
    auto request = may_begin() ? claim_next() : std::nullopt;
    if (request) {
      held_up = false;
      if (!read_one(std::move(*request), *reader, cpu_time, lock)) return;
      if (idle()) rest.notify_all();
    } else if (queue.empty()) {
      rest.notify_all();
    } else {
      wait_for_others(wakes, lock);
    }
  }
}

/// Whether the budget allows another read; if not, the rest of the queue is dropped.
bool Worker::Shared::may_begin() {
  if (queue.empty()) return false;
  if (may_spend()) return true;
  defer_all();
  return false;
}

/// Claims the first of the queue that no other lane is reading. Those that hang elsewhere are
/// dropped, those that are only busy stay in the queue.
std::optional<ReadRequest> Worker::Shared::claim_next() {
  std::optional<ReadRequest> claimed;
  for (auto left = queue.size(); left > 0 && !claimed; --left) {
    const auto at = queue.begin() + static_cast<std::ptrdiff_t>(left - 1);
    const auto claim = options.reads->claim(at->id);
    if (claim == ReadsUnderWay::Claim::busy) continue;
    if (claim == ReadsUnderWay::Claim::granted) claimed = std::move(*at);
    queue.erase(at);
  }
  if (queue.empty()) queue = std::vector<ReadRequest>();
  return claimed;
}

/// Reads a claimed process, without the lock while it lasts. False where another thread has taken
/// over meanwhile: what it was cut in is lost then.
bool Worker::Shared::read_one(ReadRequest request, ProcessReader& reader, ThreadCpuTime& cpu_time,
                              Lock& lock) {
  Begun begun{std::move(request), now()};
  if (cut && cut->is_of(begun.request)) begun = std::move(*cut);
  cut.reset();
  const auto handle = threads.begin({begun.request.id, now(), cpu_time.clock(), cpu_time.taken()});

  lock.unlock();
  Meter meter(options.now, *options.budget, options.lane, cpu_time, [&](Clock::time_point time) {
    const std::lock_guard relock(mutex);
    threads.show_progress(handle, time, cpu_time.taken());
    return !stopping && !handle->replaced && may_spend();
  });
  auto found = read_safely(reader, begun, meter);
  meter.close_held();
  const auto ended = now();
  lock.lock();

  const bool goes_on = threads.end(handle);
  count(meter);
  begun.cost.add(meter.cost());
  if (found) {
    ++cost.reads;
    finished.push_back(
        {std::move(begun.request), std::move(*found), begun.began, ended, begun.cost});
  } else {
    ++cost.deferred;
    if (goes_on) cut = std::move(begun);
  }
  return goes_on;
}

void Worker::Shared::count(const Meter& meter) {
  cost.read_seconds += seconds(meter.time());
  cost.cpu_seconds += seconds(meter.cost().cpu);
  cost.longest_read_seconds = std::max(cost.longest_read_seconds, seconds(meter.longest_part()));
}

/// All that is queued is being read by other lanes. For a moment that is no reason to leave it to
/// the next collection.
void Worker::Shared::wait_for_others(std::uint64_t wakes, Lock& lock) {
  const auto id = queue.back().id;
  const auto at_most = held_up ? longest_wait : short_wait;
  lock.unlock();
  const bool free = options.reads->wait_while_busy(id, wakes, at_most);
  lock.lock();
  held_up = !free && !queue.empty();
  if (held_up) rest.notify_all();
}

Worker::Worker(const procfs::Tree& procfs, Options options)
    : shared_(std::make_shared<Shared>(procfs.duplicate(), std::move(options))) {
  const std::lock_guard lock(shared_->mutex);
  shared_->threads.start(shared_->thread());
}

/// Threads are detached, because a hung one could not be joined.
Worker::~Worker() {
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->queue.clear();
  shared_->work.notify_all();
  shared_->options.reads->wake();
  shared_->rest.wait_for(lock, patience_at_the_end,
                         [this] { return shared_->threads.running() == 0; });
}

void Worker::set_pace(nanoseconds patience, bool complete) {
  const std::lock_guard lock(shared_->mutex);
  shared_->threads.set_patience(patience);
  shared_->complete = complete;
}

void Worker::submit(std::vector<ReadRequest> requests) {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->enqueue(std::move(requests));
    shared_->replace_hung_threads();
    if (shared_->threads.running() == 0) shared_->threads.start(shared_->thread());
    if (shared_->threads.nobody_left()) shared_->defer_all();
  }
  shared_->work.notify_one();
  shared_->options.reads->wake();
}

void Worker::wait(nanoseconds at_most) {
  // "No deadline" is the largest time there is, and adding to it would overflow.
  const auto until = Clock::now() + std::min<nanoseconds>(at_most, std::chrono::hours(24));
  std::unique_lock lock(shared_->mutex);
  while (!shared_->idle() && Clock::now() < until) {
    shared_->rest.wait_until(lock, std::min(until, Clock::now() + shared_->threads.patience()),
                             [this] { return shared_->idle(); });
    shared_->replace_hung_threads();
  }
}

std::vector<FinishedRead> Worker::take() {
  const std::lock_guard lock(shared_->mutex);
  return std::exchange(shared_->finished, {});
}

std::vector<ProcessId> Worker::stuck() {
  const std::lock_guard lock(shared_->mutex);
  shared_->replace_hung_threads();
  return shared_->threads.hung();
}

SamplingCost Worker::cost() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->cost;
}

LaneReaders Worker::readers(std::string_view lane) const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->threads.counts(lane);
}

}  // namespace memory_exporter::process
