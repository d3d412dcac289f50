#include "daemon/http/listening.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "collectors/base/file_descriptor.h"

namespace memory_exporter {
namespace {

FileDescriptor tcp_socket() {
  return FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

sockaddr_in socket_address(const ListenAddress& address) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(address.port);
  if (!address.host.empty()) ::inet_pton(AF_INET, address.host.c_str(), &result.sin_addr);
  return result;
}

}  // namespace

Status can_listen(const ListenAddress& address) {
  const auto socket = tcp_socket();
  const auto wanted = socket_address(address);
  const int on = 1;
  if (socket.valid() &&
      ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&wanted), sizeof(wanted)) == 0 &&
      ::listen(socket.get(), 1) == 0) {
    return Done{};
  }
  const int error_number = errno;
  return Error{ErrorKind::failed,
               "--web.listen-address: cannot listen on " + address.text() + ": " +
                   std::generic_category().message(error_number) +
                   (error_number == EADDRINUSE ? ": another program does; choose another port"
                                               : ": choose another address or port"),
               {},
               0};
}

/// No address stands for this machine.
void knock(const ListenAddress& address) {
  const auto socket = tcp_socket();
  const auto to = socket_address(address);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) return;
}

}  // namespace memory_exporter
