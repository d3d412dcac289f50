#include "daemon/http/tcp.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace memory_exporter::tcp {
namespace {

using Clock = Client::Clock;
using std::chrono::milliseconds;

constexpr int send_buffer = 128 * 1024;  // the kernel doubles it

/// What a client takes so soon fills its receive buffer and does not tell how it reads.
constexpr milliseconds filling{250};
/// Over so long its rate is taken, the first time over what has passed of it.
constexpr std::chrono::seconds rate_window{5};

}  // namespace

void bound_send_buffer(int fd) {
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &send_buffer, sizeof(send_buffer));
}

Ends ends_of(int fd, const sockaddr* client, socklen_t size) {
  std::array<char, 64> address{};
  std::array<char, 8> port{};
  ::getnameinfo(client, size, address.data(), address.size(), port.data(), port.size(),
                NI_NUMERICHOST | NI_NUMERICSERV);
  sockaddr_in6 own{};  // both families have the port at the same place
  socklen_t own_size = sizeof(own);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &own_size);
  return {address.data(), static_cast<std::uint16_t>(std::atoi(port.data())), ntohs(own.sin6_port)};
}

std::uint64_t received(int fd) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  return info.tcpi_bytes_received;
}

bool head_waits(int fd) {
  std::array<char, 4096> block;
  const auto got = ::recv(fd, block.data(), block.size(), MSG_PEEK | MSG_DONTWAIT);
  if (got <= 0) return false;
  const std::string_view text(block.data(), static_cast<std::size_t>(got));
  return text.find("\r\n\r\n") != std::string_view::npos ||
         text.find("\n\n") != std::string_view::npos;
}

bool has_unread(int fd) {
  int waiting = 0;
  return ::ioctl(fd, FIONREAD, &waiting) == 0 && waiting > 0;
}

void end_reading(int fd) {
  ::shutdown(fd, SHUT_RD);
}

void end(int fd) {
  ::shutdown(fd, SHUT_RDWR);
}

void read_rest(int fd) {
  constexpr std::size_t most = 64 * 1024;
  ::shutdown(fd, SHUT_WR);
  std::array<char, 4096> block;
  const auto until = Clock::now() + milliseconds(200);
  for (std::size_t seen = 0; seen < most;) {
    const auto left = std::chrono::duration_cast<milliseconds>(until - Clock::now()).count();
    pollfd ready{fd, POLLIN, 0};
    if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) <= 0) return;
    const auto got = ::recv(fd, block.data(), block.size(), MSG_DONTWAIT);
    if (got <= 0) return;
    seen += static_cast<std::size_t>(got);
  }
}

void Pace::wrote(std::size_t bytes) {
  written_ += bytes;
  look();
}

bool Pace::goes_on() {
  look();
  return Clock::now() - moved_ < patience_;
}

void Pace::look() {
  const auto now = Clock::now();
  int unsent = 0;
  if (::ioctl(client_.fd, SIOCOUTQ, &unsent) != 0) return;
  const auto taken = written_ - std::min(written_, static_cast<std::size_t>(unsent));
  if (taken > taken_) moved_ = now;
  taken_ = taken;
  const auto passed = now - window_began_;
  const bool is_over = passed >= (windows_ == 0 ? filling : rate_window);
  const bool first_rate = windows_ == 1 && passed >= filling;
  if (windows_ > 0 && (is_over || first_rate)) {
    client_.rate =
        static_cast<double>(taken_ - taken_before_) / std::chrono::duration<double>(passed).count();
  }
  if (!is_over) return;
  ++windows_;
  window_began_ = now;
  taken_before_ = taken_;
}

}  // namespace memory_exporter::tcp
