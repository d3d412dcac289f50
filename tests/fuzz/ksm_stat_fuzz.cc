#include "collectors/procfs/ksm_stat.h"

#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

namespace {

bool same_numbers(const procfs::KsmStat& a, const procfs::KsmStat& b) {
  return a.rmap_items == b.rmap_items && a.zero_pages == b.zero_pages &&
         a.merging_pages == b.merging_pages && a.process_profit == b.process_profit;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto ksm = procfs::parse_ksm_stat(text);
  if (!ksm || !fuzz::is_cut_short(text)) return 0;
  // The kernel leaves the newline out behind the last yes or no. Nothing else may be read there.
  const auto whole_lines = procfs::parse_ksm_stat(text.substr(0, text.rfind('\n') + 1));
  fuzz::require(whole_lines.ok() && same_numbers(*ksm, *whole_lines),
                "a number that may be cut short is refused");
  const auto ended = procfs::parse_ksm_stat(std::string(text) + '\n');
  fuzz::require(
      ended.ok() && ended->merge_any == ksm->merge_any && ended->mergeable == ksm->mergeable,
      "a yes or no says the same with its newline");
  return 0;
}
