// Every value that a setting takes can be written, and reads back as the same.
#include <string>

#include "config/rows.h"
#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(fuzz::as_text(data, size));
  for (const auto& row : config::rows()) {
    auto value = config::scalar(text);
    if (row.takes_list) {
      config::Node list;
      list.kind = config::Node::Kind::list;
      list.items = {value};
      value = list;
    }
    config::Settings settings;
    if (const auto done = config::assign({&row, value}, settings); !done) {
      fuzz::require(!done.error().what.empty(), "a refusal says why");
      fuzz::require(settings == config::Settings(), "a refused value changes nothing");
      continue;
    }
    if (row.takes_list) continue;
    config::Settings again;
    fuzz::require(
        config::assign({&row, config::scalar(row.text(settings))}, again).ok() && again == settings,
        "a value reads back");
  }
  return 0;
}
