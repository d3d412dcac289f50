#include "daemon/background.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "daemon/process_setup.h"

namespace memory_exporter {
namespace {

/// One reload and all who wait for it.
struct Reload {
  std::optional<Status> outcome;
};

Error unfinished(std::string what) {
  return Error{ErrorKind::failed, std::move(what), {}, 0};
}

/// What a task comes to, whatever it throws.
Status outcome_of(const std::function<Status()>& task) {
  try {
    return task();
  } catch (const std::exception& failed) {
    return unfinished(reason(failed));
  }
}

}  // namespace

/// What the thread and its owner both use; the thread may be left behind with it.
struct Background::Shared {
  explicit Shared(Tasks given) : tasks(std::move(given)) {}

  const Tasks tasks;
  std::mutex mutex;
  std::condition_variable asked;     ///< a reload is wanted, or it is time to stop
  std::condition_variable answered;  ///< one is done, or the thread stops or has ended
  std::shared_ptr<Reload> next;      ///< wanted, and not yet begun
  bool stopping = false;
  bool ended = false;
};

Background::Background(Tasks tasks) : shared_(std::make_shared<Shared>(std::move(tasks))) {
  std::thread([shared = shared_] { run(shared); }).detach();
}

Background::~Background() {
  stop();
}

void Background::ask_for_reload() {
  const std::lock_guard lock(shared_->mutex);
  if (!shared_->next) shared_->next = std::make_shared<Reload>();
  shared_->asked.notify_all();
}

/// Who asks while a reload runs has changed the file since, and gets the next one.
Status Background::reload() {
  std::unique_lock lock(shared_->mutex);
  if (!shared_->next) shared_->next = std::make_shared<Reload>();
  shared_->asked.notify_all();
  const auto wanted = shared_->next;
  shared_->answered.wait_for(lock, patience, [&] { return wanted->outcome || shared_->stopping; });
  if (wanted->outcome) return *wanted->outcome;
  if (shared_->stopping) return unfinished("the exporter is stopping");
  return unfinished("not done yet: the exporter is starting, or the file cannot be read for now");
}

bool Background::stop(std::chrono::milliseconds at_most) {
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->asked.notify_all();
  shared_->answered.notify_all();
  return shared_->answered.wait_for(lock, at_most, [this] { return shared_->ended; });
}

void Background::run(const std::shared_ptr<Shared>& shared) {
  const auto& tasks = shared->tasks;
  const auto start = outcome_of(tasks.start);
  tasks.started(start);
  std::unique_lock lock(shared->mutex);
  while (start.ok()) {
    shared->asked.wait(lock, [&] { return shared->stopping || shared->next; });
    if (shared->stopping) break;
    const auto reload = std::exchange(shared->next, nullptr);
    lock.unlock();
    auto outcome = outcome_of(tasks.reload);
    lock.lock();
    reload->outcome = std::move(outcome);
    shared->answered.notify_all();
  }
  shared->ended = true;
  shared->answered.notify_all();
}

}  // namespace memory_exporter
