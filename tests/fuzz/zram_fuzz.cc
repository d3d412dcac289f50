#include "collectors/procfs/zram.h"

#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

namespace {

std::string printed(const procfs::ZramMemory& memory) {
  std::string text;
  for (const auto& amount :
       {memory.original, memory.compressed, memory.used, memory.limit, memory.used_peak}) {
    text += (amount ? std::to_string(amount->value) : "-") + ' ';
  }
  for (const auto& number :
       {memory.same_pages, memory.compacted, memory.huge_pages, memory.huge_pages_since}) {
    text += (number ? std::to_string(*number) : "-") + ' ';
  }
  return text + '\n';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto memory = procfs::parse_zram_memory(text);
  fuzz::require(!fuzz::is_cut_short(text) || memory.skipped, "a text cut short says so");
  const auto again = procfs::parse_zram_memory(printed(*memory));
  fuzz::require(printed(*again) == printed(*memory), "what was read reads back");
  return 0;
}
