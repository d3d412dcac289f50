#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "collectors/process/facts/snapshot.h"
#include "collectors/process/sampling/cpu_budget.h"
#include "collectors/process/sampling/reader_threads.h"
#include "collectors/process/sampling/reads_under_way.h"
#include "collectors/process/sampling/thread_cpu_time.h"
#include "collectors/process/sampling/walk.h"
#include "collectors/procfs/reader.h"

namespace memory_exporter::process {

/// Reads processes on a thread of its own, one after another, in the order given, out of a budget
/// of CPU time. It never changes its own priority: a slow reader would hold the target's mmap_lock
/// for longer.
///
/// A read may hang in the kernel; see ReaderThreads. The destructor leaves a hung one behind, on
/// state that it keeps alive itself. Where no thread is left, because ReadsUnderWay::most_replaced
/// hang or none can be started, the lane pauses: what is submitted counts as deferred.
template <typename Payload>
class Sampler {
 public:
  static constexpr std::chrono::nanoseconds hang_limit = ReaderThreads::hang_limit;

  struct Settings {
    MakeWalkReader<Payload> make_reader;
    std::shared_ptr<CpuBudget> budget;
    std::size_t lane = 0;  ///< of the budget
    Now now;
    std::shared_ptr<ReadsUnderWay> reads = std::make_shared<ReadsUnderWay>();  ///< all lanes' own
    std::chrono::nanoseconds patience = hang_limit;  ///< as in ReaderThreads
    bool complete = false;  ///< wait() also waits for processes that another lane is reading
  };

  Sampler(const procfs::Tree& procfs, Settings settings)
      : shared_(std::make_shared<Shared>(procfs.duplicate(), std::move(settings))) {
    const std::lock_guard lock(shared_->mutex);
    shared_->threads.start(work());
  }

  ~Sampler() {
    std::unique_lock lock(shared_->mutex);
    shared_->stopping = true;
    shared_->queue.clear();
    shared_->work.notify_all();
    shared_->settings.reads->wake();
    // Threads are detached, because a hung one could not be joined. Those that are well end at
    // once: wait for them briefly, so that nothing of ours runs when the process tears down.
    shared_->rest.wait_for(lock, std::chrono::milliseconds(500),
                           [this] { return shared_->threads.running() == 0; });
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
      replace_hung_threads();
      if (shared_->threads.running() == 0) shared_->threads.start(work());
      if (shared_->threads.nobody_left()) shared_->defer_all();
    }
    shared_->work.notify_one();
    shared_->settings.reads->wake();
  }

  /// Returns when everything submitted has been read, dropped or found to hang, or is left for
  /// later because another lane reads it; and after `at_most` at the latest.
  void wait(std::chrono::nanoseconds at_most) {
    // "No deadline" is the largest time there is, and adding to it would overflow.
    const auto until =
        Clock::now() + std::min<std::chrono::nanoseconds>(at_most, std::chrono::hours(24));
    std::unique_lock lock(shared_->mutex);
    while (!shared_->idle() && Clock::now() < until) {
      shared_->rest.wait_until(lock, std::min(until, Clock::now() + shared_->settings.patience),
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
    return shared_->threads.hung();
  }

  SamplingCost cost() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->cost;
  }

  /// How its threads are doing, under the lane's name.
  LaneReaders readers(std::string_view lane) const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->threads.counts(lane);
  }

 private:
  /// A read that has begun, and what it has cost so far.
  struct Begun {
    WalkRequest request;
    Clock::time_point began;
    WalkCost cost{};
  };

  /// What the threads and the owner share; a hung thread keeps it alive beyond the Sampler.
  struct Shared {
    Shared(procfs::Tree tree, Settings given)
        : procfs(std::move(tree)),
          settings(std::move(given)),
          threads(settings.reads, settings.patience) {}

    Clock::time_point now() const { return settings.now(); }

    /// Nothing more will come back soon: all is read, or whoever could read hangs, or others read
    /// what is left.
    bool idle() const {
      const bool left_for_later = held_up && !settings.complete;
      return threads.all_hang() && (queue.empty() || threads.nobody_left() || left_for_later);
    }

    bool may_spend() const { return settings.budget->may_spend(now(), settings.lane); }

    void enqueue(std::vector<WalkRequest> requests) {
      std::erase_if(requests, [this](const WalkRequest& request) {
        const auto& readings = threads.readings();
        return std::any_of(readings.begin(), readings.end(),
                           [&](const auto& reading) { return reading.id == request.id; });
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
      held_up = false;
    }

    void defer_all() {
      cost.deferred += queue.size();
      queue = std::vector<WalkRequest>();
    }

    /// Whether the budget allows another read; if not, the rest of the queue is dropped.
    bool may_begin() {
      if (queue.empty()) return false;
      if (may_spend()) return true;
      defer_all();
      return false;
    }

    /// Claims the first of the queue that no other lane is reading. Those that hang elsewhere are
    /// dropped, those that are only busy stay in the queue.
    std::optional<WalkRequest> claim_next() {
      std::optional<WalkRequest> claimed;
      for (auto left = queue.size(); left > 0 && !claimed; --left) {
        const auto at = queue.begin() + static_cast<std::ptrdiff_t>(left - 1);
        const auto claim = settings.reads->claim(at->id);
        if (claim == ReadsUnderWay::Claim::busy) continue;
        if (claim == ReadsUnderWay::Claim::granted) claimed = std::move(*at);
        queue.erase(at);
      }
      if (queue.empty()) queue = std::vector<WalkRequest>();
      return claimed;
    }

    const procfs::Tree procfs;
    const Settings settings;

    mutable std::mutex mutex;
    std::condition_variable work;  ///< the queue has something, or it is time to stop
    std::condition_variable rest;  ///< a read has ended
    bool stopping = false;
    bool held_up = false;  ///< all that is queued is being read by other lanes
    ReaderThreads threads;
    std::vector<WalkRequest> queue;  ///< the next one last: one block, given back when it is done
    std::optional<Begun> cut;        ///< stopped short by the budget
    std::vector<Walk<Payload>> finished;  ///< of what was submitted since take(): one a process
    SamplingCost cost;
  };

  /// Measures one read, part by part, and ends it when it should not go on.
  class Meter final : public WalkControl {
   public:
    Meter(Shared& shared, ReaderThreads::Handle reading, ThreadCpuTime& cpu_time)
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
      shared_.threads.show_progress(reading_, part_began_, cpu_time_.taken());
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
    ReaderThreads::Handle reading_;
    ThreadCpuTime& cpu_time_;
    Clock::time_point part_began_;
  };

  /// A thread that runs out of memory ends; the next submit() starts another one.
  static void run(const std::shared_ptr<Shared>& shared) {
    bool failed = false;
    try {
      serve(*shared);
    } catch (const std::exception&) {
      failed = true;
    }
    const std::lock_guard lock(shared->mutex);
    shared->threads.ended(failed);
    shared->rest.notify_all();
  }

  static void serve(Shared& shared) {
    const auto reader = shared.settings.make_reader(shared.procfs);
    auto& reads = *shared.settings.reads;
    ThreadCpuTime cpu_time;
    std::unique_lock lock(shared.mutex);
    while (true) {
      shared.work.wait(lock, [&] { return shared.stopping || !shared.queue.empty(); });
      if (shared.stopping) return;
      const auto wakes = reads.wakes();
      const bool may_begin = shared.may_begin();
      auto request = may_begin ? shared.claim_next() : std::nullopt;
      if (request) {
        shared.held_up = false;
        if (!read_one(shared, std::move(*request), *reader, cpu_time, lock)) return;
        if (shared.idle()) shared.rest.notify_all();
      } else if (shared.queue.empty()) {
        shared.rest.notify_all();
      } else {
        wait_for_others(shared, wakes, lock);
      }
    }
  }

  /// All that is queued is being read by other lanes. For a moment that is no reason to leave it to
  /// the next collection.
  static void wait_for_others(Shared& shared, std::uint64_t wakes,
                              std::unique_lock<std::mutex>& lock) {
    const auto id = shared.queue.back().id;
    const auto at_most = shared.held_up ? longest_wait : short_wait;
    lock.unlock();
    const bool free = shared.settings.reads->wait_while_busy(id, wakes, at_most);
    lock.lock();
    shared.held_up = !free && !shared.queue.empty();
    if (shared.held_up) shared.rest.notify_all();
  }

  /// Reads a claimed process, without the lock while it lasts. False where another thread has taken
  /// over meanwhile.
  static bool read_one(Shared& shared, WalkRequest&& request, WalkReader<Payload>& reader,
                       ThreadCpuTime& cpu_time, std::unique_lock<std::mutex>& lock) {
    Begun begun{std::move(request), shared.now(), {}};
    if (shared.cut && shared.cut->request.id == begun.request.id) {
      begun = std::move(*shared.cut);
      begun.request.goes_on = true;
    }
    shared.cut.reset();
    const auto reading =
        shared.threads.begin({begun.request.id, shared.now(), cpu_time.clock(), cpu_time.taken()});

    lock.unlock();
    Meter meter(shared, reading, cpu_time);
    auto payload = read_safely(reader, begun.request, meter);
    meter.close_held();
    const auto ended = shared.now();
    lock.lock();

    const bool goes_on = shared.threads.end(reading);
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
      if (goes_on) shared.cut = std::move(begun);  // else its reader ends with the thread
    }
    return goes_on;
  }

  /// Memory may run out in the middle: that costs this read, not the daemon nor the process.
  static std::optional<Result<Payload>> read_safely(WalkReader<Payload>& reader,
                                                    const WalkRequest& request,
                                                    WalkControl& control) {
    try {
      return reader.read(request, control);
    } catch (const std::bad_alloc& failed) {
      return Result<Payload>(Error{ErrorKind::exhausted, failed.what(), {}, 0});
    } catch (const std::exception& failed) {
      return Result<Payload>(Error{ErrorKind::failed, failed.what(), {}, 0});
    }
  }

  static double seconds(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
  }

  std::function<void()> work() const {
    return [shared = shared_] { run(shared); };
  }

  void replace_hung_threads() {
    shared_->threads.replace_hung(shared_->now(), !shared_->queue.empty(), work());
  }

  /// For what another lane reads.
  static constexpr std::chrono::milliseconds short_wait{50};
  static constexpr std::chrono::milliseconds longest_wait{200};

  std::shared_ptr<Shared> shared_;
};

}  // namespace memory_exporter::process
