#include "collectors/process/label.h"

#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::as_text(data, size);
  std::string repaired;
  process::append_valid_utf8(repaired, bytes);
  fuzz::require(repaired.size() >= bytes.size(), "repair never shortens");
  std::string again;
  process::append_valid_utf8(again, repaired);
  fuzz::require(again == repaired, "what was repaired needs no repair");

  const auto label = process::valid_label(bytes);
  fuzz::require(label.size() <= process::max_label_size, "a label keeps to its limit");
  fuzz::require(process::valid_label(label) == label, "a label is a valid label");
  fuzz::require(repaired.size() > process::max_label_size || label == repaired,
                "what fits is not cut");
  return 0;
}
