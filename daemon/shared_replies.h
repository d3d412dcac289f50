#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "collectors/base/result.h"
#include "daemon/http/http_message.h"

namespace memory_exporter {

/// Makes a reply once for all who ask for the same at the same time, or soon after. The first who
/// asks makes it, on his own thread; the others wait for it.
class SharedReplies {
 public:
  using Clock = std::chrono::steady_clock;

  struct Options {
    /// How long after its data were collected a reply is still given out; 0: not at all.
    std::chrono::nanoseconds share{};
    /// With so much time a reply leaves out nothing for want of it.
    std::chrono::nanoseconds enough_time = std::chrono::nanoseconds::max();
    /// What has not come after so long keeps threads that others need.
    std::chrono::nanoseconds hurry = std::chrono::seconds(1);
  };

  struct Reply {
    Body body;
    Clock::time_point collected;  ///< when the oldest of its data were
    bool whole = true;            ///< nothing was left out for want of time
  };
  using Make = std::function<Result<Reply>()>;

  struct Asker {
    Clock::time_point deadline;
    /// His thread may be needed: he waits only for what comes soon, and makes nothing himself where
    /// something hangs or much is being made.
    bool hurried = false;
  };

  /// Fails with std::system_error where no thread can be started.
  explicit SharedReplies(Options options);
  ~SharedReplies();
  SharedReplies(const SharedReplies&) = delete;
  SharedReplies& operator=(const SharedReplies&) = delete;

  /// The reply that `key` stands for. Who has more time than the one who makes it does not share
  /// what may be cut short for him, and makes his own. Who has waited until his deadline makes his
  /// own as well, of what is there. What `make` throws, its caller gets, and the others an error.
  Result<Reply> get(const std::string& key, const Asker& asker, const Make& make);

  /// From now on.
  void use(Options options);

  /// Lets go of what is kept for who asks next.
  void drop_kept();

 private:
  struct Flight;
  struct Kept;

  const Kept* kept(const std::string& key, Clock::duration wanted) const;
  std::shared_ptr<Flight> under_way(const std::string& key, Clock::duration wanted) const;
  bool too_much_under_way() const;
  void finish(const std::shared_ptr<Flight>& flight, Result<Reply> result);
  void sweep();

  mutable std::mutex mutex_;
  Options options_;
  std::condition_variable finished_;
  std::condition_variable keeping_;  ///< for the sweeper
  std::vector<std::shared_ptr<Flight>> flights_;
  std::vector<Kept> kept_;
  bool stopping_ = false;
  std::thread sweeper_;  ///< drops what is kept when its time is over; sleeps while nothing is
};

}  // namespace memory_exporter
