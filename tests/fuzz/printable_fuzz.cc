// A stranger's text in a message: the first byte is how much there is room for.
#include "collectors/base/printable.h"
#include "collectors/base/utf8.h"

#include <string>

#include "tests/fuzz/shown.h"

using namespace memory_exporter;

namespace {

/// Whether each character of a text shows itself, or does more than that and is \uXXXX.
bool stands_for(std::string_view shown, std::string_view text) {
  while (!text.empty()) {
    const auto code_point = fuzz::take_code_point(text);
    fuzz::require(code_point.has_value(), "repaired text is UTF-8");
    if (!shown.starts_with("\\u") || *code_point == '\\') {
      if (shown.empty() || fuzz::take_code_point(shown) != code_point) return false;
      continue;
    }
    const bool is_pair = *code_point > 0xFFFF;
    const auto unit = std::stoul(std::string(shown.substr(2, 4)), nullptr, 16);
    if (unit != (is_pair ? 0xD800 + ((*code_point - 0x10000) >> 10) : *code_point)) return false;
    shown.remove_prefix(is_pair ? 12 : 6);
  }
  return shown.empty();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t most = data[0] + 3u;
  const auto bytes = fuzz::as_text(data + 1, size - 1);
  const auto all = printable(bytes, bytes.size() * 6 + 3);
  fuzz::require_shown(all);
  std::string repaired;
  append_valid_utf8(repaired, bytes);
  fuzz::require(stands_for(all, repaired), "each character is shown");
  const auto some = printable(bytes, most);
  fuzz::require(some.size() <= most, "there is no more than there is room for");
  fuzz::require(
      some == all || (some.ends_with("...") && all.starts_with(some.substr(0, some.size() - 3))),
      "what has room is all or its beginning");
  fuzz::require((some == all) == (all.size() <= most), "what has room is shown");
  fuzz::require(in_quotes(bytes).size() <= 82, "a value in quotes has a bound");
  return 0;
}
