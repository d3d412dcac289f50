#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/bytes.h"
#include "collectors/procfs/parsed.h"

namespace memory_exporter::procfs {

/// One line of /proc/swaps (kernel: mm/swapfile.c, swap_show).
struct SwapDevice {
  std::string name;           ///< unescaped; ends in " (deleted)" where the file was unlinked
  std::string kind;           ///< "partition" or "file"
  OptionalBytes size;         ///< without the header page and bad pages
  OptionalBytes used;         ///< absent, as the size, where no machine can hold it (plausible.h)
  std::int64_t priority = 0;  ///< the kernel gives negative ones, falling from -1, when not asked

  friend bool operator==(const SwapDevice&, const SwapDevice&) = default;
};

/// The devices in the kernel's order; none where only the header is there. Readable by everyone;
/// about 5 us. Skipped: a line without its five columns or with a bad number, and a last line that
/// is cut short.
Parsed<std::vector<SwapDevice>> parse_swaps(std::string_view text);

}  // namespace memory_exporter::procfs
