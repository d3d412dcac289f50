// What stands in $NOTIFY_SOCKET.
#include "daemon/notify.h"

#include <cstddef>
#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto named = fuzz::as_text(data, size);
  const auto to = notify_address(named);
  const bool good = !named.empty() && named.size() < sizeof sockaddr_un::sun_path &&
                    (named[0] == '/' || named[0] == '@');
  fuzz::require(to.has_value() == good, "a path or an abstract name that fits is an address");
  if (!to) return 0;
  fuzz::require(to->address.sun_family == AF_UNIX, "it is of this machine");
  fuzz::require(to->size <= sizeof to->address, "the kernel reads no further than the address");
  const std::string path(to->address.sun_path, to->size - offsetof(sockaddr_un, sun_path));
  auto expected = std::string(named);
  if (expected[0] == '@') expected[0] = '\0';
  fuzz::require(path == expected, "the address is the name, NUL in front of an abstract one");
  fuzz::require(to->address.sun_path[named.size()] == '\0', "a path ends within the address");
  return 0;
}
