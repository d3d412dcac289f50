#include "collectors/procfs/single_value.h"

#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  if (const auto value = procfs::parse_single_value(text)) {
    fuzz::require(!fuzz::is_cut_short(text), "a text cut short is refused");
    const auto again = procfs::parse_single_value(std::to_string(*value) + "\n");
    fuzz::require(again.ok() && *again == *value, "a value reads back");
  }
  if (const auto value = procfs::parse_signed_value(text)) {
    fuzz::require(!fuzz::is_cut_short(text), "a text cut short is refused");
    const auto again = procfs::parse_signed_value(std::to_string(*value) + "\n");
    fuzz::require(again.ok() && *again == *value, "a signed value reads back");
  }
  return 0;
}
