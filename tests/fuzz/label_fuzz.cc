#include "collectors/base/label.h"
#include "collectors/base/utf8.h"

#include <string>
#include <string_view>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

namespace {

bool ends_in(std::string_view text, std::string_view digits) {
  return text.size() >= 17 && text[text.size() - 17] == '~' &&
         text.find_first_not_of(digits, text.size() - 16) == std::string_view::npos;
}

bool is_hashed(std::string_view label) {
  return ends_in(label, "0123456789abcdef");
}
bool ends_in_hash(std::string_view name) {
  return ends_in(name, "0123456789abcdefABCDEF");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = fuzz::as_text(data, size);
  std::string repaired;
  append_valid_utf8(repaired, bytes);
  fuzz::require(repaired.size() >= bytes.size(), "repair never shortens");
  std::string again;
  append_valid_utf8(again, repaired);
  fuzz::require(again == repaired, "what was repaired needs no repair");

  const auto label = valid_label(bytes);
  std::string valid;
  append_valid_utf8(valid, label);
  fuzz::require(valid == label, "a label is UTF-8");
  fuzz::require(label.size() <= max_label_size, "a label keeps to its limit");
  const bool kept = label == bytes;
  fuzz::require(!kept || valid_label(label) == label, "what is kept once is kept again");
  fuzz::require(kept || is_hashed(label), "what is changed carries its hash");
  fuzz::require(!kept || !is_hashed(label), "what is kept cannot be taken for another's");
  fuzz::require(
      kept == (repaired == bytes && bytes.size() <= max_label_size && !ends_in_hash(bytes)),
      "what is text and fits is kept");
  return 0;
}
