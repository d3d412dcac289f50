#include "daemon/stderr_sink.h"

#include <poll.h>
#include <spdlog/details/log_msg.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>

namespace memory_exporter {
namespace {

/// Whether the descriptor takes something within `patience` (milliseconds; -1: for ever).
bool is_writable(int descriptor, int patience) {
  pollfd wanted{descriptor, POLLOUT, 0};
  return ::poll(&wanted, 1, patience) == 1 && (wanted.revents & POLLOUT) != 0;
}

/// The whole text, however long the descriptor takes; false where it is closed or full for good.
bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(descriptor, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      is_writable(descriptor, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

/// What the descriptor takes of it now. A line is no longer than PIPE_BUF, so a pipe that takes
/// something takes all of it.
bool write_now(int descriptor, std::string_view text) {
  if (!is_writable(descriptor, 0)) return false;
  return ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace

/// What the thread and its owner both use; the thread may be left behind with it.
struct StderrSink::Shared {
  explicit Shared(int fd) : descriptor(fd) {}

  const int descriptor;
  std::atomic<std::uint64_t> dropped = 0;
  std::mutex mutex;
  std::condition_variable work;   ///< a line is there, or it is time to stop
  std::condition_variable empty;  ///< nothing is left to be written, or the thread has ended
  std::deque<std::string> lines;
  std::size_t waiting = 0;  ///< bytes of the lines, the one that is being written included
  bool stopping = false;
  bool running = false;
};

StderrSink::StderrSink(int descriptor) : shared_(std::make_shared<Shared>(descriptor)) {
  start_thread();
}

void StderrSink::start_thread() {
  const std::lock_guard lock(shared_->mutex);
  try {
    std::thread([shared = shared_] { run(shared); }).detach();
    shared_->running = true;
  } catch (const std::system_error&) {
    shared_->running = false;
  }
}

StderrSink::~StderrSink() {
  drain(std::chrono::milliseconds(200));
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->work.notify_all();
  if (shared_->waiting > 0) {
    shared_->lines.clear();  // should it come back, the descriptor may be somebody else's
    return;
  }
  shared_->empty.wait(lock, [this] { return !shared_->running; });
}

void StderrSink::log(const spdlog::details::log_msg& message) {
  std::string line(message.payload.data(), message.payload.size());
  line += '\n';
  std::unique_lock lock(shared_->mutex);
  if (!shared_->running) {
    lock.unlock();
    if (!write_now(shared_->descriptor, line)) ++shared_->dropped;
    return;
  }
  if (shared_->waiting + line.size() > most_waiting) {
    ++shared_->dropped;
    return;
  }
  shared_->waiting += line.size();
  shared_->lines.push_back(std::move(line));
  shared_->work.notify_one();
}

void StderrSink::drain(std::chrono::milliseconds patience) {
  std::unique_lock lock(shared_->mutex);
  shared_->empty.wait_for(lock, patience,
                          [this] { return shared_->waiting == 0 || !shared_->running; });
}

std::uint64_t StderrSink::dropped() const {
  return shared_->dropped;
}

void StderrSink::run(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  while (true) {
    shared->work.wait(lock, [&] { return shared->stopping || !shared->lines.empty(); });
    if (shared->lines.empty()) break;
    const auto line = std::move(shared->lines.front());
    shared->lines.pop_front();
    lock.unlock();
    if (!write_all(shared->descriptor, line)) ++shared->dropped;
    lock.lock();
    shared->waiting -= line.size();
    if (shared->waiting == 0) shared->empty.notify_all();
  }
  shared->running = false;
  shared->empty.notify_all();
}

}  // namespace memory_exporter
