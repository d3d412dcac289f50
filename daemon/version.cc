#include "daemon/version.h"

namespace memory_exporter {

std::string_view version() {
  return MEMORY_EXPORTER_VERSION;
}

std::string_view compiler() {
  return MEMORY_EXPORTER_COMPILER;
}

}  // namespace memory_exporter
