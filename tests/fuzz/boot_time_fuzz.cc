#include "collectors/procfs/boot_time.h"

#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto time = procfs::parse_boot_time(text);
  const auto behind = procfs::parse_boot_time("cpu 1 2\n" + std::string(text));
  fuzz::require(behind.ok() == time.ok() && (!time || *behind == *time),
                "other lines in front change nothing");
  if (!time) return 0;
  fuzz::require(text.find(std::to_string(*time) + '\n') != std::string_view::npos,
                "the number stands at the end of a whole line");
  const auto more = procfs::parse_boot_time(std::string(text) + "\nbtime 1\n");
  fuzz::require(more.ok() && *more == *time, "the first line counts");
  return 0;
}
