#include "collectors/procfs/mountinfo.h"

namespace memory_exporter::procfs {

bool parse_mount(std::string_view line, Mount& mount) {
  take_word(line);  // its id
  take_word(line);  // its parent's
  auto device = take_word(line);
  const auto major = take_number<std::uint32_t>(device);
  if (!major || !device.starts_with(':')) return false;
  const auto minor = to_number<std::uint32_t>(device.substr(1));
  if (!minor) return false;
  std::string_view word;
  do {
    word = take_word(line);
    if (word.empty()) return false;
  } while (word != "-");
  mount = {*major, *minor, take_word(line)};
  return !mount.type.empty();
}

}  // namespace memory_exporter::procfs
