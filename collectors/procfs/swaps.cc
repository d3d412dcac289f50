#include "collectors/procfs/swaps.h"

#include <optional>
#include <string>
#include <utility>

#include "collectors/base/text.h"
#include "collectors/procfs/escaped_path.h"
#include "collectors/procfs/plausible.h"

namespace memory_exporter::procfs {
Parsed<std::vector<SwapDevice>> parse_swaps(std::string_view text) {
  std::vector<SwapDevice> devices;
  const auto skipped =
      for_each_line(text, "\"name kind size used priority\"", [&](std::string_view line) {
        const auto name = take_word(line);
        if (name == "Filename") return true;  // a device has a path
        const auto kind = take_word(line);
        const auto size = to_number(take_word(line));
        const auto used = to_number(take_word(line));
        const auto priority = to_number<std::int64_t>(take_word(line));
        if (!size || !used || !priority) return false;
        devices.push_back({unescape_path(name), std::string(kind), plausible_kib(*size),
                           plausible_kib(*used), *priority});
        return true;
      });
  return {std::move(devices), skipped};
}

}  // namespace memory_exporter::procfs
