#pragma once

#include <pthread.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "collectors/process/facts/snapshot.h"
#include "collectors/process/sampling/cpu_budget.h"
#include "collectors/process/sampling/walk.h"
#include "collectors/procfs/reader.h"

namespace memory_exporter::process {

/// Reads processes on a thread of its own, one after another, in the order given, out of a budget
/// of CPU time. It never changes its own priority: a slow reader would hold the target's mmap_lock
/// for longer.
///
/// A read hangs for as long as its target's mmap_lock is held for writing. One that shows no
/// progress for `hang_limit`, neither in parts nor in CPU time, is given up: another thread takes
/// over the queue (at most two do), and the destructor leaves the hung one behind, on state that it
/// keeps alive itself.
template <typename Payload>
class Sampler {
 public:
  static constexpr std::chrono::seconds hang_limit{2};
  static constexpr std::chrono::milliseconds least_progress{20};  ///< of CPU time
  static constexpr int most_replacements = 2;

  struct Settings {
    MakeWalkReader<Payload> make_reader;
    std::shared_ptr<CpuBudget> budget;
    std::size_t lane = 0;  ///< of the budget
    Now now;
  };

  Sampler(const procfs::Tree& procfs, Settings settings)
      : shared_(std::make_shared<Shared>(procfs.duplicate(), std::move(settings))) {
    const std::lock_guard lock(shared_->mutex);
    start_thread();
  }

  ~Sampler() {
    std::unique_lock lock(shared_->mutex);
    shared_->stopping = true;
    shared_->queue.clear();
    shared_->work.notify_all();
    // Threads are detached, because a hung one could not be joined. Those that are well end at
    // once: wait for them briefly, so that nothing of ours runs when the process tears down.
    shared_->rest.wait_for(lock, std::chrono::milliseconds(500),
                           [this] { return shared_->running_threads == 0; });
  }

  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  /// Replaces what is queued and not yet begun. What does not fit the budget is dropped, not kept:
  /// the next collection asks again, with newer knowledge. A read that the budget has cut goes on
  /// first, if it is still asked for.
  void submit(std::vector<WalkRequest> requests) {
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->enqueue(std::move(requests));
    }
    shared_->work.notify_one();
  }

  /// Returns when everything submitted has been read, dropped or found to hang, and after `at_most`
  /// at the latest.
  void wait(std::chrono::nanoseconds at_most) {
    // "No deadline" is the largest time there is, and adding to it would overflow.
    const auto until =
        Clock::now() + std::min<std::chrono::nanoseconds>(at_most, std::chrono::hours(24));
    std::unique_lock lock(shared_->mutex);
    while (!shared_->idle() && Clock::now() < until) {
      shared_->rest.wait_until(lock, std::min(until, Clock::now() + hang_limit),
                               [this] { return shared_->idle(); });
      replace_hung_threads();
    }
  }

  /// What has come back since the last call, in the order of reading.
  std::vector<Walk<Payload>> take() {
    const std::lock_guard lock(shared_->mutex);
    return std::exchange(shared_->finished, {});
  }

  /// Whose reads have not come back within hang_limit.
  std::vector<ProcessId> stuck() {
    const std::lock_guard lock(shared_->mutex);
    replace_hung_threads();
    std::vector<ProcessId> ids;
    for (const auto& reading : shared_->readings) {
      if (reading.hung) ids.push_back(reading.id);
    }
    return ids;
  }

  SamplingCost cost() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->cost;
  }

 private:
  struct Reading {
    ProcessId id;
    Clock::time_point progress;  ///< when it last showed some
    clockid_t thread_clock =
        CLOCK_THREAD_CPUTIME_ID;     ///< of the thread that reads, for all threads
    std::chrono::nanoseconds cpu{};  ///< of that thread, at `progress`
    bool hung = false;               ///< no progress within hang_limit
    bool replaced = false;  ///< another thread does its work: this one ends when it comes back
  };
  using ReadingHandle = typename std::list<Reading>::iterator;

  /// A read that has begun, and what it has cost so far.
  struct Begun {
    WalkRequest request;
    Clock::time_point began;
    WalkCost cost{};
  };

  /// What the threads and the owner share; a hung thread keeps it alive beyond the Sampler.
  struct Shared {
    Shared(procfs::Tree tree, Settings given)
        : procfs(std::move(tree)), settings(std::move(given)) {}

    Clock::time_point now() const { return settings.now(); }

    /// Nothing more will come back soon: all is read, or whoever could read hangs.
    bool idle() const {
      const auto hung = std::count_if(readings.begin(), readings.end(),
                                      [](const Reading& reading) { return reading.hung; });
      const bool nobody_left = hung == running_threads;
      return hung == std::ssize(readings) && (queue.empty() || nobody_left);
    }

    bool may_spend() const { return settings.budget->may_spend(now(), settings.lane); }

    void enqueue(std::vector<WalkRequest> requests) {
      std::erase_if(requests, [this](const WalkRequest& request) {
        return std::any_of(readings.begin(), readings.end(),
                           [&](const Reading& reading) { return reading.id == request.id; });
      });
      const auto again =
          std::find_if(requests.begin(), requests.end(), [this](const WalkRequest& request) {
            return cut && cut->request.id == request.id &&
                   cut->request.image.same_program(request.image);
          });
      if (again == requests.end()) {
        cut.reset();
      } else {
        std::rotate(requests.begin(), again, again + 1);
      }
      std::reverse(requests.begin(), requests.end());
      queue = std::move(requests);
      cost.deferred = 0;
    }

    /// Whether the budget allows another read; if not, the rest of the queue is dropped.
    bool may_begin() {
      if (queue.empty()) return false;
      if (may_spend()) return true;
      cost.deferred += queue.size();
      queue = std::vector<WalkRequest>();
      return false;
    }

    const procfs::Tree procfs;
    const Settings settings;

    mutable std::mutex mutex;
    std::condition_variable work;  ///< the queue has something, or it is time to stop
    std::condition_variable rest;  ///< a read has ended
    bool stopping = false;
    int replacements = 0;
    std::ptrdiff_t running_threads = 0;
    std::vector<WalkRequest> queue;  ///< the next one last: one block, given back when it is done
    std::list<Reading> readings;
    std::optional<Begun> cut;  ///< stopped short by the budget
    std::vector<Walk<Payload>> finished;
    SamplingCost cost;
  };

  /// The CPU time of the calling thread, slice by slice: asking the kernel for it takes 0.3 us, so
  /// one read begins where the other ended. What is done between the two is a part of the next.
  class ThreadCpuTime {
   public:
    ThreadCpuTime() {
      ::pthread_getcpuclockid(::pthread_self(), &clock_);
      taken_ = time_of(clock_);
    }

    /// What has been spent since the last call.
    std::chrono::nanoseconds take() {
      const auto before = std::exchange(taken_, time_of(CLOCK_THREAD_CPUTIME_ID));
      return taken_ - before;
    }

    std::chrono::nanoseconds taken() const { return taken_; }
    clockid_t clock() const { return clock_; }  ///< the same clock, for other threads

   private:
    clockid_t clock_ = CLOCK_THREAD_CPUTIME_ID;
    std::chrono::nanoseconds taken_{};
  };

  /// Measures one read, part by part, and ends it when it should not go on.
  class Meter final : public WalkControl {
   public:
    Meter(Shared& shared, ReadingHandle reading, ThreadCpuTime& cpu_time)
        : shared_(shared), reading_(reading), cpu_time_(cpu_time), part_began_(shared.now()) {}

    /// Short ones are taken together: asking for the CPU time of each would cost a hundredth.
    void held() override {
      if (shared_.now() - part_began_ >= short_hold) close_held();
    }

    void not_held() override { account(); }

    bool pause(std::chrono::nanoseconds length) override {
      close_held();
      std::this_thread::sleep_for(length);
      part_began_ = shared_.now();
      const std::lock_guard lock(shared_.mutex);
      reading_->progress = part_began_;
      reading_->cpu = cpu_time_.taken();
      reading_->hung = false;
      return !shared_.stopping && !reading_->replaced && shared_.may_spend();
    }

    void close_held() {
      const auto [cpu, wall] = account();
      const auto hold = std::min(wall, 10 * cpu);
      cost.longest_hold = std::max(cost.longest_hold, hold);
      if (hold >= stall) cost.stalled += hold;
      longest_read = std::max(longest_read, wall);
    }

    WalkCost cost;
    std::chrono::nanoseconds read_time{};     ///< without the pauses
    std::chrono::nanoseconds longest_read{};  ///< of its parts that held the lock

   private:
    static constexpr std::chrono::milliseconds stall{1};
    static constexpr std::chrono::microseconds short_hold{100};

    /// Closes the account of the part at hand: its CPU and wall time.
    std::pair<std::chrono::nanoseconds, std::chrono::nanoseconds> account() {
      const auto cpu = cpu_time_.take();
      const auto now = shared_.now();
      const std::chrono::nanoseconds wall = now - std::exchange(part_began_, now);
      shared_.settings.budget->spend(cpu, shared_.settings.lane);
      cost.cpu += cpu;
      read_time += wall;
      return {cpu, wall};
    }

    Shared& shared_;
    ReadingHandle reading_;
    ThreadCpuTime& cpu_time_;
    Clock::time_point part_began_;
  };

  static void run(const std::shared_ptr<Shared>& shared) {
    const auto reader = shared->settings.make_reader(shared->procfs);
    ThreadCpuTime cpu_time;
    std::unique_lock lock(shared->mutex);
    while (true) {
      shared->work.wait(lock, [&] { return shared->stopping || !shared->queue.empty(); });
      if (shared->stopping) break;
      if (!shared->may_begin()) {
        shared->rest.notify_all();
        continue;
      }
      if (!read_one(*shared, *reader, cpu_time, lock)) break;
      if (shared->idle()) shared->rest.notify_all();
    }
    --shared->running_threads;
    shared->rest.notify_all();
  }

  /// Reads the first of the queue, without the lock while it lasts. False where another thread has
  /// taken over meanwhile.
  static bool read_one(Shared& shared, WalkReader<Payload>& reader, ThreadCpuTime& cpu_time,
                       std::unique_lock<std::mutex>& lock) {
    Begun begun{std::move(shared.queue.back()), shared.now(), {}};
    shared.queue.pop_back();
    if (shared.queue.empty()) shared.queue = std::vector<WalkRequest>();
    if (shared.cut && shared.cut->request.id == begun.request.id) {
      begun = std::move(*shared.cut);
      begun.request.goes_on = true;
    }
    shared.cut.reset();
    const auto reading = shared.readings.insert(
        shared.readings.end(),
        {begun.request.id, shared.now(), cpu_time.clock(), cpu_time.taken()});

    lock.unlock();
    Meter meter(shared, reading, cpu_time);
    auto payload = read_safely(reader, begun.request, meter);
    meter.close_held();
    const auto ended = shared.now();
    lock.lock();

    const bool replaced = reading->replaced;
    shared.readings.erase(reading);
    begun.cost.cpu += meter.cost.cpu;
    begun.cost.longest_hold = std::max(begun.cost.longest_hold, meter.cost.longest_hold);
    begun.cost.stalled += meter.cost.stalled;
    shared.cost.read_seconds += seconds(meter.read_time);
    shared.cost.cpu_seconds += seconds(meter.cost.cpu);
    shared.cost.longest_read_seconds =
        std::max(shared.cost.longest_read_seconds, seconds(meter.longest_read));
    if (payload) {
      ++shared.cost.reads;
      shared.finished.push_back(
          {std::move(begun.request), std::move(*payload), begun.began, ended, begun.cost});
    } else {
      ++shared.cost.deferred;
      shared.cut = std::move(begun);
    }
    if (replaced) --shared.replacements;
    return !replaced;
  }

  /// Memory may run out in the middle: that costs this read, not the daemon.
  static std::optional<Result<Payload>> read_safely(WalkReader<Payload>& reader,
                                                    const WalkRequest& request,
                                                    WalkControl& control) {
    try {
      return reader.read(request, control);
    } catch (const std::exception& failed) {
      return Result<Payload>(Error{ErrorKind::failed, failed.what(), {}, 0});
    }
  }

  static std::chrono::nanoseconds time_of(clockid_t clock) {
    timespec spent{};
    ::clock_gettime(clock, &spent);
    return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
  }

  static double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
  }

  void start_thread() {
    ++shared_->running_threads;
    std::thread(run, shared_).detach();
  }

  void replace_hung_threads() {
    const auto now = shared_->now();
    for (auto& reading : shared_->readings) {
      if (!reading.hung && now - reading.progress >= hang_limit) {
        // A walk of hundreds of GiB is long, and busy; one that waits for a lock spends nothing.
        const auto cpu = time_of(reading.thread_clock);
        reading.hung = cpu - reading.cpu < least_progress;
        reading.cpu = cpu;
        reading.progress = now;
      }
      if (!reading.hung || reading.replaced || shared_->replacements == most_replacements) continue;
      reading.replaced = true;
      ++shared_->replacements;
      start_thread();
    }
  }

  std::shared_ptr<Shared> shared_;
};

}  // namespace memory_exporter::process
