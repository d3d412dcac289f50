#include "collectors/procfs/stat.h"

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto stat = procfs::parse_stat(text);
  if (!stat) return 0;
  fuzz::require(!fuzz::is_cut_short(text), "a text cut short is refused");
  fuzz::require(fuzz::lies_within(stat->comm, text), "comm is a part of the text");
  fuzz::require(stat->comm.data()[-1] == '(' && stat->comm.data()[stat->comm.size()] == ')',
                "comm is what stands between the parentheses");
  return 0;
}
