#include "collectors/procfs/flat_keyed.h"

#include <algorithm>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  std::size_t visited = 0;
  std::size_t without_number = 0;
  const auto skipped = procfs::for_each_flat_keyed(
      text, [&](std::string_view field, std::optional<std::uint64_t> value) {
        ++visited;
        if (!value) ++without_number;
        fuzz::require(!field.empty() && fuzz::lies_within(field, text), "a field is a word of it");
        return true;
      });
  const bool odd = text.empty() || fuzz::is_cut_short(text);
  fuzz::require(skipped.lines == without_number + (odd ? 1u : 0u), "each odd line counts");
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  fuzz::require(visited <= lines, "only whole lines are visited");
  return 0;
}
