#pragma once

#include <string_view>

namespace memory_exporter {

/// Tells the service manager about a change of state ("READY=1"), where one has asked for it in
/// $NOTIFY_SOCKET. Without one, nothing happens.
void notify_service_manager(std::string_view state);

}  // namespace memory_exporter
