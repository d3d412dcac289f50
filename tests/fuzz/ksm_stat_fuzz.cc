#include "collectors/procfs/ksm_stat.h"

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto ksm = procfs::parse_ksm_stat(text);
  const bool ends_in_digit = !text.empty() && text.back() >= '0' && text.back() <= '9';
  fuzz::require(!ksm || !ends_in_digit, "a number that may be cut short is refused");
  return 0;
}
