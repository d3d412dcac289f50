#include "daemon/notify.h"

#include <systemd/sd-daemon.h>

#include <string>

namespace memory_exporter {

void notify_service_manager(std::string_view state) {
  sd_notify(0, std::string(state).c_str());
}

}  // namespace memory_exporter
