#include "collectors/procfs/status.h"

#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto status = procfs::parse_status(text);
  if (!status) return 0;
  fuzz::require(!fuzz::is_cut_short(text), "a text cut short is refused");
  const auto twice = procfs::parse_status(std::string(text) + std::string(text));
  fuzz::require(twice.ok() && twice->resident == status->resident && twice->uid == status->uid,
                "the last line of a key counts");
  return 0;
}
