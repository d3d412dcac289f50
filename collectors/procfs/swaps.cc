#include "collectors/procfs/swaps.h"

#include <optional>
#include <utility>

#include "collectors/base/text.h"

namespace memory_exporter::procfs {
namespace {

constexpr bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

/// Undoes the kernel's escapes (seq_path: blank, tab, newline and backslash as \040 and so on).
std::string unescape(std::string_view escaped) {
  std::string name;
  name.reserve(escaped.size());
  for (std::size_t i = 0; i < escaped.size();) {
    if (escaped[i] == '\\' && i + 3 < escaped.size() && is_octal(escaped[i + 1]) &&
        is_octal(escaped[i + 2]) && is_octal(escaped[i + 3])) {
      name += static_cast<char>((escaped[i + 1] - '0') * 64 + (escaped[i + 2] - '0') * 8 +
                                (escaped[i + 3] - '0'));
      i += 4;
    } else {
      name += escaped[i++];
    }
  }
  return name;
}

OptionalBytes amount(std::string_view word) {
  const auto kib = to_number(word);
  if (!kib || *kib > UINT64_MAX / 1024) return std::nullopt;
  return Bytes::from_kib(*kib);
}

}  // namespace

Parsed<std::vector<SwapDevice>> parse_swaps(std::string_view text) {
  std::vector<SwapDevice> devices;
  const auto skipped =
      for_each_line(text, "\"name kind size used priority\"", [&](std::string_view line) {
        const auto name = take_word(line);
        if (name == "Filename") return true;  // a device has a path
        const auto kind = take_word(line);
        const auto size = amount(take_word(line));
        const auto used = amount(take_word(line));
        const auto priority = to_number<std::int64_t>(take_word(line));
        if (!size || !used || !priority) return false;
        devices.push_back({unescape(name), kind, *size, *used, *priority});
        return true;
      });
  return {std::move(devices), skipped};
}

}  // namespace memory_exporter::procfs
