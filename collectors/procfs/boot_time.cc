#include "collectors/procfs/boot_time.h"

#include "collectors/base/text.h"

namespace memory_exporter::procfs {

Result<std::uint64_t> parse_boot_time(std::string_view text) {
  for (int number = 1; !text.empty(); ++number) {
    const bool is_whole = text.find('\n') != std::string_view::npos;
    auto line = take_line(text);
    if (take_word(line) != "btime") continue;
    skip_blanks(line);
    const auto seconds = to_number(line);
    if (!is_whole || !seconds) return malformed("expected \"btime seconds\"", number);
    return *seconds;
  }
  return malformed("no line \"btime\"");
}

}  // namespace memory_exporter::procfs
