// The first byte is how large the pieces are, the rest is the text.
#include "collectors/procfs/maps.h"

#include "tests/fuzz/pieces.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::require_same_in_pieces<procfs::MapsParser>(
      data, size, [](const procfs::Vma& vma, std::string_view text) {
        fuzz::require(vma.path.empty() || fuzz::lies_within(vma.path, text),
                      "a path is a part of the text");
        fuzz::require(vma.path.find('\n') == std::string_view::npos, "a path is within one line");
        return std::to_string(vma.start) + "-" + std::to_string(vma.end) + " " +
               std::to_string(vma.inode) + " " + std::string(vma.path);
      });
  return 0;
}
