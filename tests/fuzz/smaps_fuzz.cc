// The first byte is how large the pieces are, the rest is the text.
#include "collectors/procfs/smaps.h"

#include "tests/fuzz/pieces.h"

using namespace memory_exporter;

namespace {

std::string as_text(const OptionalBytes& amount) {
  return amount ? std::to_string(amount->value) + " " : "- ";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::require_same_in_pieces<procfs::SmapsParser>(
      data, size, [](const procfs::SmapsEntry& entry, std::string_view text) {
        for (const auto part : {entry.vma.path, entry.flags}) {
          fuzz::require(part.empty() || fuzz::lies_within(part, text), "it is a part of the text");
        }
        entry.has_flag("ht");
        return std::to_string(entry.vma.start) + " " + std::string(entry.vma.path) + " " +
               as_text(entry.memory.resident) + as_text(entry.memory.pss) +
               as_text(entry.memory.private_dirty) + as_text(entry.memory.locked) +
               std::string(entry.flags);
      });
  return 0;
}
