#include "collectors/procfs/escaped_path.h"

namespace memory_exporter::procfs {
namespace {

constexpr bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

}  // namespace

std::string unescape_path(std::string_view escaped) {
  std::string path;
  path.reserve(escaped.size());
  for (std::size_t i = 0; i < escaped.size();) {
    if (escaped[i] == '\\' && i + 3 < escaped.size() && is_octal(escaped[i + 1]) &&
        is_octal(escaped[i + 2]) && is_octal(escaped[i + 3])) {
      path += static_cast<char>((escaped[i + 1] - '0') * 64 + (escaped[i + 2] - '0') * 8 +
                                (escaped[i + 3] - '0'));
      i += 4;
    } else {
      path += escaped[i++];
    }
  }
  return path;
}

}  // namespace memory_exporter::procfs
