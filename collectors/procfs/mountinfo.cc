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
  const auto root = take_word(line);
  const auto point = take_word(line);
  std::string_view word = point;
  do {
    if (word.empty()) return false;
    word = take_word(line);
  } while (word != "-");
  const auto type = take_word(line);
  take_word(line);  // its source
  mount = {*major, *minor, root, point, type, take_word(line)};
  return !type.empty();
}

bool has_option(std::string_view options, std::string_view option) {
  while (!options.empty()) {
    const auto comma = options.find(',');
    if (options.substr(0, comma) == option) return true;
    if (comma == std::string_view::npos) return false;
    options.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace memory_exporter::procfs
