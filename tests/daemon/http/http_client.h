#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace memory_exporter::testing {

/// A TCP connection to a port of this machine, for requests that no HTTP library would send.
class Connection {
 public:
  explicit Connection(std::uint16_t port, int receive_buffer = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0) {
      ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  }
  ~Connection() {
    if (fd_ >= 0) ::close(fd_);
  }
  Connection(Connection&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  Connection& operator=(Connection&&) = delete;

  bool connected() const { return connected_; }

  bool send(std::string_view text) const {
    return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }

  /// Takes up to `most` bytes of what comes; 0 at the end, or after `patience`.
  std::size_t take(std::size_t most, std::chrono::milliseconds patience) const {
    std::vector<char> block(most);
    pollfd ready{fd_, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return 0;
    return static_cast<std::size_t>(std::max<ssize_t>(::recv(fd_, block.data(), most, 0), 0));
  }

  /// Everything until the other side closes, or until it has been silent for `patience`.
  std::string receive(std::chrono::milliseconds patience = std::chrono::seconds(20)) const {
    std::string all;
    char block[4096];
    while (true) {
      pollfd ready{fd_, POLLIN, 0};
      if (::poll(&ready, 1, static_cast<int>(patience.count())) <= 0) return all;
      const auto got = ::recv(fd_, block, sizeof(block), 0);
      if (got <= 0) return all;
      all.append(block, static_cast<std::size_t>(got));
    }
  }

 private:
  int fd_;
  bool connected_ = false;
};

struct HttpResponse {
  int status = 0;  ///< 0: no HTTP came back
  std::multimap<std::string, std::string> headers;
  std::string body;

  std::string header(const std::string& name) const {
    const auto at = headers.find(name);
    return at == headers.end() ? "" : at->second;
  }
};

inline HttpResponse parse_response(const std::string& text) {
  HttpResponse response;
  const auto head_end = text.find("\r\n\r\n");
  if (!text.starts_with("HTTP/1.1 ") || head_end == std::string::npos) return response;
  response.status = std::stoi(text.substr(9, 3));
  response.body = text.substr(head_end + 4);
  std::size_t at = text.find("\r\n") + 2;
  while (at < head_end) {
    const auto end = text.find("\r\n", at);
    const auto colon = text.find(": ", at);
    response.headers.emplace(text.substr(at, colon - at), text.substr(colon + 2, end - colon - 2));
    at = end + 2;
  }
  return response;
}

/// One request on a connection of its own. `headers` are whole lines.
inline HttpResponse http(std::uint16_t port, const std::string& method, const std::string& target,
                         const std::string& headers = "") {
  const Connection connection(port);
  connection.send(method + ' ' + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n");
  return parse_response(connection.receive());
}

}  // namespace memory_exporter::testing
