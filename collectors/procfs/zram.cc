#include "collectors/procfs/zram.h"

#include <array>

#include "collectors/base/text.h"

namespace memory_exporter::procfs {

Result<ZramMemory> parse_zram_memory(std::string_view text) {
  if (ends_within_line(text)) return malformed("the last line is cut short");
  constexpr std::size_t least = 7;
  std::array<std::uint64_t, 9> numbers{};
  std::size_t count = 0;
  auto line = take_line(text);
  for (auto word = take_word(line); !word.empty(); word = take_word(line), ++count) {
    const auto number = to_number(word);
    if (!number) return malformed("expected numbers", 1);
    if (count < numbers.size()) numbers[count] = *number;
  }
  if (count < least) return malformed("expected at least seven numbers", 1);
  ZramMemory memory{Bytes{numbers[0]},
                    Bytes{numbers[1]},
                    Bytes{numbers[2]},
                    Bytes{numbers[3]},
                    Bytes{numbers[4]},
                    numbers[5],
                    numbers[6],
                    {},
                    {}};
  if (count > 7) memory.huge_pages = numbers[7];
  if (count > 8) memory.huge_pages_since = numbers[8];
  return memory;
}

}  // namespace memory_exporter::procfs
