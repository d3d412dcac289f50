#include "collectors/base/label.h"
#include "collectors/base/utf8.h"

#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::as_text(data, size);
  std::string repaired;
  append_valid_utf8(repaired, bytes);
  fuzz::require(repaired.size() >= bytes.size(), "repair never shortens");
  std::string again;
  append_valid_utf8(again, repaired);
  fuzz::require(again == repaired, "what was repaired needs no repair");

  const auto label = valid_label(bytes);
  fuzz::require(label.size() <= max_label_size, "a label keeps to its limit");
  fuzz::require(valid_label(label) == label, "a label is a valid label");
  fuzz::require(repaired.size() > max_label_size || label == repaired, "what fits is not cut");
  return 0;
}
