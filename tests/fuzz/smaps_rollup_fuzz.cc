#include "collectors/procfs/plausible.h"
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
  fuzz::require(twice.ok(), "what was well formed is so twice");
  if (!rollup->pss) {
    fuzz::require(!twice->pss, "absent stays absent");
  } else if (twice->pss) {
    fuzz::require(*twice->pss == *rollup->pss + *rollup->pss, "entries add up");
  } else {
    fuzz::require(*rollup->pss + *rollup->pss > procfs::most_memory, "a sum fits or is absent");
  }
  return 0;
}
