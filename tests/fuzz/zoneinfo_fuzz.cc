#include "collectors/procfs/zoneinfo.h"

#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto pages = procfs::parse_percpu_free_pages(text);
  if (!pages) return 0;
  fuzz::require(!fuzz::is_cut_short(text), "a text cut short is refused");
  const auto more = procfs::parse_percpu_free_pages(std::string(text) + "  count: 7\n");
  fuzz::require(more.ok() ? *more == *pages + 7 && *more > *pages : *pages > UINT64_MAX - 7,
                "counts add up, and a sum that does not fit is refused");
  const auto uncounted = procfs::parse_percpu_free_pages(std::string(text) + "  high: 7\n");
  fuzz::require(uncounted.ok() && *uncounted == *pages, "other lines add nothing");
  return 0;
}
