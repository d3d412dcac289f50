#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace memory_exporter {

/// Runs what may hang in the kernel (a file on a FUSE server that is dead, a pipe in a crafted
/// tree) on threads of its own, so that nobody waits for it longer than his own deadline. A thread
/// that hangs is left behind until its read returns, and what it was doing is not begun again
/// before that: there are never more such threads than there are names of tasks.
///
/// One thread is started with the object and does all there is, one task after another. Only where
/// a task holds it up while others wait is another started, which ends when there is nothing left.
class TaskRunner {
 public:
  using Clock = std::chrono::steady_clock;

  struct Task {
    std::string name;           ///< two tasks of one name never run at the same time
    std::function<void()> run;  ///< owns what it uses: it may outlive the runner; does not throw
  };

  enum class Outcome {
    done,
    late,     ///< not done by the deadline; it may still run, and nobody may look at its results
    hanging,  ///< not begun, because one of its name was late and has not come back
  };

  /// Tasks that were asked for together.
  struct Batch;

  /// Throws std::system_error where the first thread cannot be started. `most_threads` bounds those
  /// that hang and the one that does not.
  explicit TaskRunner(std::size_t most_threads = 32);
  ~TaskRunner();  ///< as stop()
  TaskRunner(const TaskRunner&) = delete;
  TaskRunner& operator=(const TaskRunner&) = delete;

  /// Begins them, in their order, as far as a thread is free.
  std::shared_ptr<Batch> start(std::vector<Task> tasks);

  /// Waits until all are done, or the deadline, or stop(): one outcome for each task. What has not
  /// been begun by then never is.
  std::vector<Outcome> wait(const std::shared_ptr<Batch>& batch, Clock::time_point deadline);

  /// Both at once, for one task.
  Outcome run(Task task, Clock::time_point deadline);

  /// Sends everyone who waits away and ends the threads. True when they have ended; false when one
  /// still hangs after `patience` and was left behind.
  bool stop(std::chrono::nanoseconds patience = std::chrono::milliseconds(300));

 private:
  struct Shared;
  static void work(const std::shared_ptr<Shared>& shared);
  static void start_thread(const std::shared_ptr<Shared>& shared);

  const std::shared_ptr<Shared> shared_;
};

}  // namespace memory_exporter
