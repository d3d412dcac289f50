#include "daemon/task_runner.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

namespace memory_exporter {
namespace {

enum class State { queued, running, done, given_up };

/// A task and what has become of it.
struct Entry {
  TaskRunner::Task task;
  std::shared_ptr<std::size_t> open;  ///< how many of its batch are not done yet
  State state = State::queued;
  bool hanging = false;  ///< another of its name was, so it was given up before it began
};

/// Somebody's own deadline may have been short. Only a task that has run for this long besides is
/// taken to hang, and not waited for by those who come later.
constexpr std::chrono::seconds hangs_after{1};

/// How long others wait behind a task before they get a thread of their own: a part of the time
/// there is, so that even a machine where many files hang is through by the deadline.
constexpr int parts_of_patience = 16;
constexpr std::chrono::milliseconds least_patience{5};
constexpr std::chrono::milliseconds most_patience{500};

}  // namespace

struct TaskRunner::Batch {
  std::vector<std::shared_ptr<Entry>> entries;
  std::shared_ptr<std::size_t> open = std::make_shared<std::size_t>(0);
};

/// What the threads and their runner both use; a thread may be left behind with it.
struct TaskRunner::Shared {
  explicit Shared(std::size_t most) : most_threads(most) {}

  /// The first in the queue that may run now.
  std::deque<std::shared_ptr<Entry>>::iterator next() {
    return std::find_if(queue.begin(), queue.end(), [&](const std::shared_ptr<Entry>& entry) {
      return !running.contains(entry->task.name);
    });
  }

  /// Whether a task of this name was given up and has not come back.
  bool hangs(const std::string& name) const {
    const auto at = running.find(name);
    return at != running.end() && late.contains(name) && Clock::now() - at->second >= hangs_after;
  }

  const std::size_t most_threads;
  std::mutex mutex;
  std::condition_variable asked;     ///< the queue has more, a name is free again, or stopping
  std::condition_variable answered;  ///< a task is done, a thread has ended, or stopping
  std::deque<std::shared_ptr<Entry>> queue;
  std::map<std::string, Clock::time_point> running;  ///< since when, by name
  std::set<std::string> late;                        ///< those that somebody gave up waiting for
  std::size_t threads = 0;
  std::size_t idle = 0;
  Clock::time_point last_progress = Clock::now();
  bool stopping = false;
};

TaskRunner::TaskRunner(std::size_t most_threads) : shared_(std::make_shared<Shared>(most_threads)) {
  const std::lock_guard lock(shared_->mutex);
  start_thread(shared_);
}

TaskRunner::~TaskRunner() {
  stop();
}

/// Under the lock. A thread of this kind is never joined: it may hang.
void TaskRunner::start_thread(const std::shared_ptr<Shared>& shared) {
  std::thread([shared] { work(shared); }).detach();
  ++shared->threads;
}

std::shared_ptr<TaskRunner::Batch> TaskRunner::start(std::vector<Task> tasks) {
  auto batch = std::make_shared<Batch>();
  const std::lock_guard lock(shared_->mutex);
  for (auto& task : tasks) {
    auto entry = std::make_shared<Entry>(Entry{std::move(task), batch->open});
    batch->entries.push_back(entry);
    if (shared_->hangs(entry->task.name)) {
      entry->state = State::given_up;
      entry->hanging = true;
    } else {
      ++*batch->open;
      shared_->queue.push_back(std::move(entry));
    }
  }
  if (shared_->idle > 0) shared_->asked.notify_one();
  return batch;
}

std::vector<TaskRunner::Outcome> TaskRunner::wait(const std::shared_ptr<Batch>& batch,
                                                  Clock::time_point deadline) {
  auto& shared = *shared_;
  std::unique_lock lock(shared.mutex);
  const auto over = [&] { return shared.stopping || *batch->open == 0; };
  const auto patience = std::clamp<Clock::duration>((deadline - Clock::now()) / parts_of_patience,
                                                    least_patience, most_patience);
  while (!over() && Clock::now() < deadline) {
    shared.answered.wait_until(lock, std::min(deadline, Clock::now() + patience), over);
    const bool held_up = shared.idle == 0 && shared.next() != shared.queue.end() &&
                         Clock::now() - shared.last_progress >= patience;
    if (over() || !held_up || shared.threads >= shared.most_threads) continue;
    try {
      start_thread(shared_);
      shared.last_progress = Clock::now();  // the next one is given its time too
    } catch (const std::system_error&) {
      // No thread to be had: what waits is late, and the next wait tries again.
    }
  }
  std::vector<Outcome> outcomes;
  for (const auto& entry : batch->entries) {
    if (entry->state == State::done) {
      outcomes.push_back(Outcome::done);
      continue;
    }
    outcomes.push_back(entry->hanging ? Outcome::hanging : Outcome::late);
    if (entry->state == State::queued) std::erase(shared.queue, entry);
    if (entry->state == State::running && !shared.stopping) shared.late.insert(entry->task.name);
    entry->state = State::given_up;
  }
  return outcomes;
}

TaskRunner::Outcome TaskRunner::run(Task task, Clock::time_point deadline) {
  std::vector<Task> tasks;
  tasks.push_back(std::move(task));
  return wait(start(std::move(tasks)), deadline).front();
}

bool TaskRunner::stop(std::chrono::nanoseconds patience) {
  std::unique_lock lock(shared_->mutex);
  shared_->stopping = true;
  shared_->asked.notify_all();
  shared_->answered.notify_all();
  return shared_->answered.wait_for(lock, patience, [&] { return shared_->threads == 0; });
}

void TaskRunner::work(const std::shared_ptr<Shared>& shared) {
  std::unique_lock lock(shared->mutex);
  while (!shared->stopping) {
    const auto next = shared->next();
    if (next == shared->queue.end()) {
      if (shared->threads - shared->running.size() > 1) break;  // another one is there to wait
      ++shared->idle;
      shared->asked.wait(lock);
      --shared->idle;
      continue;
    }
    const auto entry = *next;
    shared->queue.erase(next);
    entry->state = State::running;
    shared->last_progress = Clock::now();
    shared->running[entry->task.name] = shared->last_progress;
    lock.unlock();
    entry->task.run();
    entry->task.run = nullptr;  // what it owns goes while nobody waits for the lock
    lock.lock();
    if (entry->state == State::running) entry->state = State::done;
    shared->running.erase(entry->task.name);
    shared->late.erase(entry->task.name);
    shared->last_progress = Clock::now();
    if (--*entry->open == 0) shared->answered.notify_all();
    if (!shared->queue.empty() && shared->idle > 0) shared->asked.notify_one();
  }
  --shared->threads;
  shared->answered.notify_all();
}

}  // namespace memory_exporter
