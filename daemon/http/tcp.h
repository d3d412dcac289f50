#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "daemon/http/clients.h"

namespace memory_exporter::tcp {

/// What the kernel tells and does of one connection. Each is a system call or two.

/// The kernel's share of what is being sent: a client that reads 50 kB a second makes room for the
/// next write every two seconds, and a reply of 200 KiB holds no thread at all.
void bound_send_buffer(int fd);

/// The two ends of an accepted connection.
Ends ends_of(int fd, const sockaddr* client, socklen_t size);

/// How many bytes have come, read by now or not; 0 where the kernel does not say.
std::uint64_t received(int fd);

/// Whether a complete head lies in the kernel and waits for a thread.
bool head_waits(int fd);

/// Whether something has come that nobody has read.
bool has_unread(int fd);

/// No more is waited for. What has come by now is still read and can be answered.
void end_reading(int fd);

/// Nothing goes either way any more.
void end(int fd);

/// A client that was still sending when its connection is closed may lose the reply, because the
/// kernel answers what nobody reads with a reset. So some of it is read: at most 64 KiB in 200 ms.
void read_rest(int fd);

/// How a client takes its reply: what was written but for what the kernel still has.
class Pace {
 public:
  /// `patience`: for it to take anything.
  Pace(Client& client, std::chrono::nanoseconds patience) : client_(client), patience_(patience) {}

  void wrote(std::size_t bytes);

  /// False when the client has taken nothing for too long. Keeps the client's rate up to date.
  bool goes_on();

 private:
  void look();

  Client& client_;
  const std::chrono::nanoseconds patience_;
  std::size_t written_ = 0;
  std::size_t taken_ = 0;
  std::size_t taken_before_ = 0;  ///< this window
  int windows_ = 0;  ///< that are over; the first one is that in which the receive buffer fills
  Client::Clock::time_point moved_ = Client::Clock::now();
  Client::Clock::time_point window_began_ = moved_;
};

}  // namespace memory_exporter::tcp
