#include "collectors/procfs/zoneinfo.h"

#include "collectors/base/text.h"

namespace memory_exporter::procfs {

Result<std::uint64_t> parse_percpu_free_pages(std::string_view zoneinfo) {
  if (ends_within_line(zoneinfo)) return malformed("the last line is cut short");
  if (!zoneinfo.starts_with("Node ")) return malformed("expected \"Node N, zone NAME\"", 1);
  std::uint64_t pages = 0;
  for (int number = 1; !zoneinfo.empty(); ++number) {
    auto line = take_line(zoneinfo);
    if (take_word(line) != "count:") continue;
    const auto count = to_number(take_word(line));
    if (!count) return malformed("expected \"count: pages\"", number);
    if (__builtin_add_overflow(pages, *count, &pages)) {
      return malformed("more pages than a machine can have", number);
    }
  }
  return pages;
}

}  // namespace memory_exporter::procfs
