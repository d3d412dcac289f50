#include "collectors/procfs/pressure.h"

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto pressure = procfs::parse_pressure(text);
  fuzz::require(!fuzz::is_cut_short(text) || pressure.skipped, "a text cut short says so");
  for (const auto& total : {pressure->some, pressure->full}) {
    fuzz::require(!total || total->count() >= 0, "time is never negative");
  }
  return 0;
}
