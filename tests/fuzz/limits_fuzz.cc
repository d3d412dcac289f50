#include "collectors/procfs/limits.h"

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto limits = procfs::parse_limits(text);
  fuzz::require(!limits || !fuzz::is_cut_short(text), "a text cut short is refused");
  return 0;
}
