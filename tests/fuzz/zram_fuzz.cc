#include "collectors/procfs/zram.h"

#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

namespace {

std::string printed(const procfs::ZramMemory& memory) {
  std::string text;
  for (const auto number :
       {memory.original.value, memory.compressed.value, memory.used.value, memory.limit.value,
        memory.used_peak.value, memory.same_pages, memory.compacted}) {
    text += std::to_string(number) + ' ';
  }
  for (const auto& number : {memory.huge_pages, memory.huge_pages_since}) {
    if (number) text += std::to_string(*number) + ' ';
  }
  return text + '\n';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto memory = procfs::parse_zram_memory(text);
  if (!memory) return 0;
  fuzz::require(!fuzz::is_cut_short(text), "a text cut short is refused");
  fuzz::require(memory->huge_pages || !memory->huge_pages_since, "columns come in their order");
  const auto again = procfs::parse_zram_memory(printed(*memory));
  fuzz::require(again.ok() && printed(*again) == printed(*memory), "what was read reads back");
  return 0;
}
