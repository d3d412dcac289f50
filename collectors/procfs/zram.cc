#include "collectors/procfs/zram.h"

#include <array>

#include "collectors/base/text.h"
#include "collectors/procfs/plausible.h"

namespace memory_exporter::procfs {

Parsed<ZramMemory> parse_zram_memory(std::string_view text) {
  constexpr std::size_t least = 7;
  std::array<std::optional<std::uint64_t>, 9> numbers{};
  const auto skipped = for_each_line(text, "at least seven numbers", [&](std::string_view line) {
    std::size_t count = 0;
    bool all_numbers = true;
    for (auto word = take_word(line); !word.empty(); word = take_word(line), ++count) {
      const auto number = to_number(word);
      all_numbers = all_numbers && number;
      if (count < numbers.size() && !numbers[count]) numbers[count] = number;
    }
    return all_numbers && count >= least;
  });
  const auto bytes = [&](std::size_t i) {
    return numbers[i] ? plausible(Bytes{*numbers[i]}) : OptionalBytes();
  };
  return {{bytes(0), bytes(1), bytes(2), bytes(3), bytes(4), plausible_count(numbers[5]),
           numbers[6], plausible_count(numbers[7]), numbers[8]},
          skipped};
}

}  // namespace memory_exporter::procfs
