#include "collectors/process/sampler.h"

#include <time.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <thread>
#include <utility>

#include "collectors/process/pid_path.h"

namespace memory_exporter::process {
namespace {

using std::chrono::nanoseconds;

nanoseconds thread_cpu_time() {
  timespec spent{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return std::chrono::seconds(spent.tv_sec) + nanoseconds(spent.tv_nsec);
}

double seconds(nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}

/// smaps_rollup, or the sums of smaps on a kernel before 4.14, which has no rollup.
class RollupReader {
 public:
  explicit RollupReader(const procfs::Tree& procfs) : procfs_(procfs) {}

  Result<procfs::SmapsRollup> read(const WalkRequest& request) {
    const auto pid = request.id.pid;
    const auto thread = request.memory_thread;
    auto text = procfs_.read(PidPath(pid, thread, "smaps_rollup").c_str(), buffer_);
    if (!text && text.error().kind == ErrorKind::vanished) {
      // The file may be missing because the process is, or because the kernel is old: then smaps
      // is there.
      auto smaps = procfs_.read(PidPath(pid, thread, "smaps").c_str(), buffer_);
      if (smaps) text = std::move(smaps);
    }
    if (!text) return text.error();
    return procfs::parse_smaps_rollup(*text);
  }

 private:
  const procfs::Tree& procfs_;
  procfs::Buffer buffer_;
};

}  // namespace

bool TokenBucket::may_spend(Clock::time_point now) {
  const auto earned = std::chrono::duration_cast<nanoseconds>((now - refilled_) * rate_);
  const auto kept = std::min(earned, burst_ - tokens_);
  tokens_ += kept;
  granted_ += kept;
  refilled_ = now;
  return tokens_ > nanoseconds::zero();
}

/// What the threads and the owner share; a hung thread keeps it alive beyond the Sampler.
struct Sampler::Shared {
  struct Reading {
    ProcessId id;
    Clock::time_point began;
    bool hung = false;      ///< not back within hang_limit
    bool replaced = false;  ///< another thread does its work: this one ends when it comes back
  };

  Shared(procfs::Tree tree, Budget limits, Monitor::Now clock)
      : procfs(std::move(tree)),
        now(std::move(clock)),
        budget(limits),
        bucket(limits.cpu_rate, limits.burst, now()) {}

  /// Nothing more will come back soon: all is read, or whoever could read hangs.
  bool idle() const {
    const auto hung = std::count_if(readings.begin(), readings.end(),
                                    [](const Reading& reading) { return reading.hung; });
    const bool nobody_left = hung == running_threads;
    return hung == std::ssize(readings) && (queue.empty() || nobody_left);
  }

  /// The next request that the budget allows; nothing left to do drops the rest of the queue.
  bool may_begin() {
    if (queue.empty()) return false;
    if (budget.unlimited || bucket.may_spend(now())) return true;
    cost.deferred += queue.size();
    queue.clear();
    return false;
  }

  void account(const Walk& walk) {
    const double held = seconds(walk.held());
    bucket.spend(walk.cpu);
    ++cost.reads;
    cost.read_seconds += held;
    cost.cpu_seconds += seconds(walk.cpu);
    cost.longest_read_seconds = std::max(cost.longest_read_seconds, held);
  }

  const procfs::Tree procfs;
  const Monitor::Now now;
  const Budget budget;

  mutable std::mutex mutex;
  std::condition_variable work;  ///< the queue has something, or it is time to stop
  std::condition_variable rest;  ///< a read has ended
  bool stopping = false;
  int replacements = 0;
  int running_threads = 0;
  std::deque<WalkRequest> queue;
  std::list<Reading> readings;
  std::vector<Walk> finished;
  TokenBucket bucket;
  SamplingCost cost;
};

Sampler::Sampler(const procfs::Tree& procfs, Budget budget, Monitor::Now now)
    : shared_(std::make_shared<Shared>(procfs.duplicate(), budget, std::move(now))) {
  start_thread();
}

Sampler::~Sampler() {
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->queue.clear();
  shared_->work.notify_all();
  // Threads are detached, because a hung one could not be joined. Those that are well end at once:
  // wait for them briefly, so that nothing of ours runs when the process tears down.
  shared_->rest.wait_for(lock, std::chrono::milliseconds(500),
                         [this] { return shared_->running_threads == 0; });
}

void Sampler::start_thread() {
  ++shared_->running_threads;
  std::thread(run, shared_).detach();
}

void Sampler::run(const std::shared_ptr<Shared>& shared) {
  RollupReader reader(shared->procfs);
  std::unique_lock lock(shared->mutex);
  while (true) {
    shared->work.wait(lock, [&] { return shared->stopping || !shared->queue.empty(); });
    if (shared->stopping) break;
    if (!shared->may_begin()) {
      shared->rest.notify_all();
      continue;
    }
    auto request = std::move(shared->queue.front());
    shared->queue.pop_front();
    const auto began = shared->now();
    const auto reading = shared->readings.insert(shared->readings.end(), {request.id, began});

    lock.unlock();
    const auto cpu_before = thread_cpu_time();
    auto memory = reader.read(request);
    const auto cpu = thread_cpu_time() - cpu_before;
    const auto ended = shared->now();
    lock.lock();

    const bool replaced = reading->replaced;
    shared->readings.erase(reading);
    shared->finished.push_back({std::move(request), std::move(memory), began, ended, cpu});
    shared->account(shared->finished.back());
    if (replaced) {
      --shared->replacements;
      break;
    }
    if (shared->idle()) shared->rest.notify_all();
  }
  --shared->running_threads;
  shared->rest.notify_all();
}

void Sampler::submit(std::vector<WalkRequest> requests) {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->queue.assign(std::make_move_iterator(requests.begin()),
                          std::make_move_iterator(requests.end()));
    shared_->cost.deferred = 0;
  }
  shared_->work.notify_one();
}

void Sampler::wait(nanoseconds at_most) {
  // "No deadline" is the largest time there is, and adding to it would overflow.
  const auto until = Clock::now() + std::min<nanoseconds>(at_most, std::chrono::hours(24));
  std::unique_lock lock(shared_->mutex);
  while (!shared_->idle() && Clock::now() < until) {
    shared_->rest.wait_until(lock, std::min(until, Clock::now() + hang_limit),
                             [this] { return shared_->idle(); });
    replace_hung_threads();
  }
}

std::vector<Walk> Sampler::take() {
  const std::lock_guard lock(shared_->mutex);
  return std::exchange(shared_->finished, {});
}

std::vector<ProcessId> Sampler::stuck() {
  const std::lock_guard lock(shared_->mutex);
  replace_hung_threads();
  std::vector<ProcessId> ids;
  for (const auto& reading : shared_->readings) {
    if (reading.hung) ids.push_back(reading.id);
  }
  return ids;
}

void Sampler::replace_hung_threads() {
  const auto now = shared_->now();
  for (auto& reading : shared_->readings) {
    if (now - reading.began >= hang_limit) reading.hung = true;
    if (!reading.hung || reading.replaced || shared_->replacements == most_replacements) continue;
    reading.replaced = true;
    ++shared_->replacements;
    start_thread();
  }
}

SamplingCost Sampler::cost() const {
  const std::lock_guard lock(shared_->mutex);
  auto cost = shared_->cost;
  cost.budget_seconds = seconds(shared_->bucket.granted());
  return cost;
}

}  // namespace memory_exporter::process
