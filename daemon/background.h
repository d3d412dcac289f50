#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "collectors/base/result.h"

namespace memory_exporter {

/// A thread for what may hang: the start, which looks at the machine, and reloads, which read a
/// file of any filesystem. The main thread does neither, so that a signal always reaches it. Safe
/// to call from any thread.
class Background {
 public:
  struct Tasks {
    std::function<Status()> start;        ///< done once, first of all
    std::function<void(Status)> started;  ///< told of what came of it
    std::function<Status()> reload;       ///< done when asked for, after a start that succeeded
  };

  /// For a reload whose asker waits.
  static constexpr std::chrono::seconds patience{2};

  /// Throws std::system_error where no thread can be started. The tasks must live as long as the
  /// thread: see stop().
  explicit Background(Tasks tasks);
  ~Background();  ///< as stop()
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// Has a reload done soon. However often this is called before it begins, it is done once.
  void ask_for_reload();

  /// The same, and waits for what comes of it; an error when that takes longer than `patience`.
  Status reload();

  /// Ends the thread. False when it still hangs in a task after `at_most` and was left behind.
  bool stop(std::chrono::milliseconds at_most = std::chrono::milliseconds(700));

 private:
  struct Shared;
  static void run(const std::shared_ptr<Shared>& shared);

  const std::shared_ptr<Shared> shared_;
};

}  // namespace memory_exporter
