#include "daemon/notify.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "collectors/procfs/reader.h"

namespace memory_exporter {

bool notify_service_manager(std::string_view state) {
  const char* named = std::getenv("NOTIFY_SOCKET");
  if (named == nullptr) return true;
  const std::string_view path = named;
  sockaddr_un address{};
  const bool absolute = path.starts_with('/') || path.starts_with('@');
  if (!absolute || path.size() >= sizeof(address.sun_path)) return false;
  address.sun_family = AF_UNIX;
  std::copy(path.begin(), path.end(), address.sun_path);
  // '@' stands for the NUL byte that starts a name outside the file system.
  if (path.front() == '@') address.sun_path[0] = '\0';
  const auto size = offsetof(sockaddr_un, sun_path) + path.size();

  const FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return false;
  const auto sent =
      ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size));
  return sent == static_cast<ssize_t>(state.size());
}

}  // namespace memory_exporter
