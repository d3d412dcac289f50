#include "collectors/procfs/zoneinfo.h"

#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto zones = procfs::parse_zoneinfo(text);
  if (fuzz::is_cut_short(text)) {
    fuzz::require(!zones->percpu_free && !zones->managed, "of a text cut short no sum is known");
    return 0;
  }
  const auto more = procfs::parse_zoneinfo(std::string(text) + "  count: 7\n  managed 7\n");
  const auto is_sum_of = [](const auto& sum, const auto& before) {
    return before > UINT64_MAX - 7 ? !sum : sum == before + 7;
  };
  if (const auto& before = zones->percpu_free) {
    fuzz::require(is_sum_of(more->percpu_free, *before), "counts add up, or do not fit");
  }
  if (const auto& before = zones->managed) {
    fuzz::require(is_sum_of(more->managed, *before), "zones add up, or do not fit");
  }
  const auto uncounted = procfs::parse_zoneinfo(std::string(text) + "  high: 7\n");
  fuzz::require(
      uncounted->percpu_free == zones->percpu_free && uncounted->managed == zones->managed,
      "other lines add nothing");
  return 0;
}
