#include "collectors/procfs/swaps.h"

#include <algorithm>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto devices = procfs::parse_swaps(text);
  fuzz::require(!fuzz::is_cut_short(text) || devices.skipped, "a text cut short says so");
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  fuzz::require(devices->size() <= lines, "a device has a line of its own");
  for (const auto& device : *devices) {
    fuzz::require(text.find(device.kind) != std::string_view::npos, "a kind is a part of the text");
    fuzz::require(!device.name.empty(), "a device has a name");
  }
  return 0;
}
