#pragma once

#include "collectors/base/result.h"
#include "config/listen_address.h"

namespace memory_exporter {

/// Whether the address can be listened on. The error names the flag and gives the kernel's reason.
Status can_listen(const ListenAddress& address);

/// A connection that is closed at once, whether it is made or not: it wakes who accepts there.
void knock(const ListenAddress& address);

}  // namespace memory_exporter
