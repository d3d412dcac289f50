#include "daemon/http/capacity.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "collectors/procfs/reader.h"

namespace memory_exporter {
namespace {

constexpr std::size_t usual_queue = 20;
constexpr std::size_t least_threads = 4;
constexpr std::size_t for_collecting = 24;  ///< descriptors

/// CivetWeb's threads have this much, and glibc keeps the stacks of the trial for them.
constexpr std::size_t stack_size = 100 * 1024;

/// The accepting thread, and the watch over the clients.
constexpr std::size_t other_threads = 2;

/// Threads that are started to see how many can be, and end with it.
class Trial {
 public:
  Trial() = default;
  ~Trial() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    ended_.notify_all();
    for (const auto each : started_) ::pthread_join(each, nullptr);
  }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  /// How many of `wanted` can run beside those there are. A stack of 0 is the usual one.
  std::size_t start(std::size_t wanted, std::size_t stack) {
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    if (stack > 0) ::pthread_attr_setstacksize(&attributes, stack);
    started_.reserve(started_.size() + wanted);
    std::size_t count = 0;
    pthread_t thread{};
    while (count < wanted && ::pthread_create(&thread, &attributes, wait, this) == 0) {
      started_.push_back(thread);
      ++count;
    }
    ::pthread_attr_destroy(&attributes);
    return count;
  }

 private:
  static void* wait(void* trial) {
    auto& self = *static_cast<Trial*>(trial);
    std::unique_lock lock(self.mutex_);
    self.ended_.wait(lock, [&] { return self.over_; });
    return nullptr;
  }

  std::vector<pthread_t> started_;
  std::mutex mutex_;
  std::condition_variable ended_;
  bool over_ = false;
};

/// How many of `wanted` threads connections can have: the first `least`, then what is left when
/// collecting has its own. The error says how many there were.
Result<std::size_t> threads_for_connections(std::size_t wanted, std::size_t least) {
  Trial trial;
  const auto first = trial.start(least + other_threads, stack_size);
  if (first < least + other_threads) {
    return Error{ErrorKind::failed,
                 "too few threads to serve HTTP: only " + std::to_string(first) +
                     " could be started; raise TasksMax=, ulimit -u or ulimit -v",
                 {},
                 0};
  }
  if (trial.start(threads_for_collecting, 0) < threads_for_collecting) return least;
  return least + trial.start(wanted - least, stack_size);
}

/// How many descriptors may be opened beside those there are.
std::size_t free_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const auto own = procfs::Tree::open("/proc/self/fd");
  if (!own) return limit.rlim_cur;
  const auto open = own->list(".");
  const auto used = open ? open->size() : 0;
  return limit.rlim_cur - std::min<std::size_t>(limit.rlim_cur, used);
}

}  // namespace

Result<Capacity> affordable(std::size_t wanted_threads) {
  const auto descriptors = free_descriptors();
  const auto sockets = descriptors - std::min(descriptors, for_collecting);
  Capacity capacity{wanted_threads, usual_queue};
  // One more is accepted and waits for its place in the queue.
  if (capacity.threads + capacity.queue + 1 > sockets) {
    capacity.queue = std::clamp<std::size_t>(sockets / 4, 1, usual_queue);
    capacity.threads = sockets - std::min(sockets, capacity.queue + 1);
  }
  const auto least = std::min(wanted_threads, least_threads);
  if (capacity.threads < least) {
    return Error{ErrorKind::failed,
                 "too few file descriptors to serve HTTP: raise ulimit -n (LimitNOFILE=)",
                 {},
                 0};
  }
  const auto threads = threads_for_connections(capacity.threads, least);
  if (!threads) return threads.error();
  capacity.threads = *threads;
  return capacity;
}

}  // namespace memory_exporter
