#include "collectors/procfs/swaps.h"

#include <algorithm>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto devices = procfs::parse_swaps(text);
  if (!devices) return 0;
  fuzz::require(!fuzz::is_cut_short(text), "a text cut short is refused");
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  fuzz::require(devices->size() + 1 == lines, "every line is a device");
  for (const auto& device : *devices) {
    fuzz::require(fuzz::lies_within(device.kind, text), "a kind is a part of the text");
    fuzz::require(!device.name.empty(), "a device has a name");
  }
  return 0;
}
