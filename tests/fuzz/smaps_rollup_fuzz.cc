#include "collectors/procfs/smaps_rollup.h"

#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto rollup = procfs::parse_smaps_rollup(text);
  if (!rollup) return 0;
  fuzz::require(!fuzz::is_cut_short(text), "a text cut short is refused");
  const auto twice = procfs::parse_smaps_rollup(std::string(text) + std::string(text));
  if (!twice) return 0;  // a sum would not fit
  fuzz::require(twice->pss.has_value() == rollup->pss.has_value(), "absent stays absent");
  if (rollup->pss) fuzz::require(*twice->pss == *rollup->pss + *rollup->pss, "entries add up");
  return 0;
}
