// Every value that a setting takes can be written, and reads back as the same.
#include "config/settings.h"

#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

namespace {

void require_reason(const Status& refused) {
  fuzz::require(!refused.error().what.empty(), "a refusal says why");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  for (const auto& setting : config::pss_settings()) {
    config::Settings settings;
    if (const auto done = setting.set(settings, text); !done) {
      require_reason(done);
      fuzz::require(settings == config::Settings(), "a refused value changes nothing");
      continue;
    }
    const auto options = config::process_options(settings);
    config::Settings again;
    fuzz::require(setting.set(again, setting.text(options)).ok() && again == settings,
                  "a value reads back");
  }
  for (const auto& setting : config::collector_settings()) {
    config::CollectorSettings settings;
    if (const auto done = setting.set(settings, text); !done) {
      require_reason(done);
      fuzz::require(settings == config::CollectorSettings(), "a refused value changes nothing");
      continue;
    }
    const auto options = config::collector_options(settings);
    config::CollectorSettings again;
    fuzz::require(setting.set(again, setting.text(options)).ok() && again == settings,
                  "a value reads back");
  }
  return 0;
}
