#include "daemon/notify.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>

#include "collectors/base/file_descriptor.h"

namespace memory_exporter {

std::optional<NotifyAddress> notify_address(std::string_view named) {
  NotifyAddress to{};
  auto& path = to.address.sun_path;
  const bool absolute = named.starts_with('/') || named.starts_with('@');
  if (!absolute || named.size() >= sizeof path) return std::nullopt;
  to.address.sun_family = AF_UNIX;
  std::copy(named.begin(), named.end(), path);
  // '@' stands for the NUL byte that starts a name outside the file system.
  if (named.front() == '@') path[0] = '\0';
  to.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + named.size());
  return to;
}

bool notify_service_manager(std::string_view state) {
  const char* named = std::getenv("NOTIFY_SOCKET");
  if (named == nullptr) return true;
  const auto to = notify_address(named);
  if (!to) return false;
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return false;
  const auto sent = ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&to->address), to->size);
  return sent == static_cast<ssize_t>(state.size());
}

}  // namespace memory_exporter
