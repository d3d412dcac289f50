#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <optional>
#include <string_view>

namespace memory_exporter {

/// The socket that $NOTIFY_SOCKET names.
struct NotifyAddress {
  sockaddr_un address;
  socklen_t size;
};

/// A path, or a name outside the file system behind a '@'; nothing where it is neither, or longer
/// than an address may be.
std::optional<NotifyAddress> notify_address(std::string_view named);

/// Tells the service manager about a change of state ("READY=1"), where one has asked for it in
/// $NOTIFY_SOCKET; see sd_notify(3). Without one, nothing happens. False where it asked and could
/// not be told.
///
/// The protocol is one datagram and needs no library: libsystemd brings libgcrypt, liblzma, libzstd
/// and others along, 0.9 MiB of resident memory, a tenth of the whole daemon's.
bool notify_service_manager(std::string_view state);

}  // namespace memory_exporter
