#include "collectors/procfs/flat_keyed.h"

#include <algorithm>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  std::size_t visited = 0;
  const auto walked = procfs::for_each_flat_keyed(text, [&](std::string_view field, std::uint64_t) {
    ++visited;
    fuzz::require(!field.empty() && fuzz::lies_within(field, text), "a field is a word of it");
  });
  if (!walked) return 0;
  fuzz::require(!fuzz::is_cut_short(text), "a text cut short is refused");
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  fuzz::require(visited == lines, "every line is visited");
  return 0;
}
