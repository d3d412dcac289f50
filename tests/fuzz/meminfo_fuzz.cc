#include "collectors/procfs/meminfo.h"

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  for (const auto& meminfo : {procfs::parse_meminfo(text), procfs::parse_node_meminfo(text)}) {
    fuzz::require(!fuzz::is_cut_short(text) || meminfo.skipped, "a text cut short says so");
    for (const auto* named : {&meminfo->direct_map, &meminfo->other}) {
      for (const auto& [name, amount] : *named) {
        fuzz::require(fuzz::lies_within(name, text), "a name is a part of the text");
        fuzz::require(amount.value % 1024 == 0, "an amount is whole KiB");
      }
    }
  }
  return 0;
}
