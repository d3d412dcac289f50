#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "daemon/http/eviction.h"

namespace memory_exporter {

/// The two ends of a connection, as far as they tell it from others.
struct Ends {
  std::string address;  ///< of the client, as numbers
  std::uint16_t port = 0;
  std::uint16_t server_port = 0;

  bool operator==(const Ends&) const = default;
};

/// One connection, from accept to close. Only the thread that serves it changes it.
struct Client {
  enum class Phase { head, answering, sending };
  using Clock = std::chrono::steady_clock;

  const int fd;
  const Ends ends;
  const Clock::time_point accepted = Clock::now();

  // Under the lock of Clients.
  Phase phase = Phase::head;
  Clock::time_point phase_began{};
  bool seen_silent = false;    ///< the watch saw it hold a thread and send nothing
  const void* body = nullptr;  ///< that is sent
  std::size_t size = 0;        ///< of it

  std::atomic<bool> cut = false;
  /// Bytes a second that the client took of late.
  std::atomic<double> rate = std::numeric_limits<double>::infinity();
};

/// Why connections were cut off, since the start.
struct CutCounts {
  std::uint64_t slow_head = 0;    ///< their threads were needed, their heads not complete
  std::uint64_t slow_reader = 0;  ///< their threads or bytes were needed, their replies not read
  std::uint64_t stalled = 0;      ///< they took nothing of their reply for too long
};

/// The connections of a server that has a thread for each that it serves. A watch, which sleeps
/// unless threads are short, keeps `spare` of them free: it cuts off clients that do not complete
/// their heads, then those that do not read their replies (see eviction.h).
class Clients {
 public:
  struct Limits {
    std::size_t threads = 0;
    std::size_t reply_bytes = 0;  ///< of distinct replies that may be sent at the same time

    /// Threads that stay free for who comes next.
    std::size_t spare() const { return std::min<std::size_t>(8, threads / 4); }
    /// Readers, however slow, that may have a thread each until they have their reply.
    std::size_t slow_places() const { return threads - std::min(threads, 2 * spare()); }
  };

  /// Fails with std::system_error where no thread can be started.
  explicit Clients(Limits limits);
  ~Clients();
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;

  /// A connection that was accepted and waits for a thread. False where one with the same ends is
  /// there: they could not be told apart.
  bool add(int fd, Ends ends);

  /// A thread turned to a connection. Which one is not known before its head is there.
  void taken_up();

  /// Null where there is none.
  std::shared_ptr<Client> find(const Ends& ends);

  /// By its thread, before its descriptor is closed. Null: a connection that was not add()ed.
  void remove(const std::shared_ptr<Client>& client);

  /// Its head is complete. Whether few threads are left to wait on.
  bool answering(Client& client);

  /// Its reply is ready.
  void sending(Client& client, const void* body, std::size_t size);

  /// It took nothing for too long.
  void stalled(Client& client);

  /// Cuts off the readers that may be cut where bytes are short.
  void shed();

  /// Ends every connection.
  void cut_all();

  CutCounts cut_counts() const;

 private:
  void watch();
  /// One for each connection, and the spare ones.
  std::size_t threads_wanted() const { return clients_.size() + limits_.spare(); }
  bool pressed() const { return threads_wanted() > limits_.threads; }
  std::size_t relieve();
  std::size_t cut_heads(std::size_t wanted);
  std::size_t cut_replies(std::size_t wanted);
  std::size_t room_for_slow_readers() const;

  const Limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<Client>> clients_;  ///< the oldest first
  std::size_t taken_up_ = 0;                      ///< of them, the first
  eviction::Silence silence_;
  CutCounts counts_;
  bool stopping_ = false;
  std::thread watch_;
};

}  // namespace memory_exporter
