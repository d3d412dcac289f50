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

struct Gate {
  std::mutex mutex;
  std::condition_variable opened;
  bool open = false;
};

void* wait_at(void* argument) {
  auto& gate = *static_cast<Gate*>(argument);
  std::unique_lock lock(gate.mutex);
  gate.opened.wait(lock, [&] { return gate.open; });
  return nullptr;
}

/// How many of `wanted` threads can run beside those there are.
std::size_t startable(std::size_t wanted) {
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  ::pthread_attr_setstacksize(&attributes, stack_size);
  Gate gate;
  std::vector<pthread_t> started;
  started.reserve(wanted);
  pthread_t thread{};
  while (started.size() < wanted && ::pthread_create(&thread, &attributes, wait_at, &gate) == 0) {
    started.push_back(thread);
  }
  ::pthread_attr_destroy(&attributes);
  {
    const std::lock_guard lock(gate.mutex);
    gate.open = true;
  }
  gate.opened.notify_all();
  for (const auto each : started) ::pthread_join(each, nullptr);
  return started.size();
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
  const auto started = startable(capacity.threads + other_threads);
  capacity.threads = started - std::min(started, other_threads);
  if (capacity.threads < least) {
    return Error{ErrorKind::failed,
                 "too few threads to serve HTTP: only " + std::to_string(started) +
                     " could be started; raise TasksMax=, ulimit -u or ulimit -v",
                 {},
                 0};
  }
  return capacity;
}

}  // namespace memory_exporter
