#pragma once

#include <cstdint>
#include <string>

namespace memory_exporter {

/// An IPv4 address and a port. Port 0 lets the kernel choose.
struct ListenAddress {
  std::string host;  ///< dotted, or empty: every address of the machine
  std::uint16_t port = 0;

  std::string text() const { return host + ':' + std::to_string(port); }
  bool operator==(const ListenAddress&) const = default;
};

}  // namespace memory_exporter
