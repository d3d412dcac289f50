#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "collectors/base/bytes.h"
#include "collectors/procfs/parsed.h"

namespace memory_exporter::procfs {

/// /sys/block/zramN/mm_stat (kernel: drivers/block/zram/zram_drv.c, mm_stat_show): one line of
/// numbers without names, more of them in newer kernels. Readable by everyone; about 5 us.
struct ZramMemory {
  OptionalBytes original;                   ///< orig_data_size: what is stored, uncompressed
  OptionalBytes compressed;                 ///< compr_data_size
  OptionalBytes used;                       ///< mem_used_total: with the allocator's overhead
  OptionalBytes limit;                      ///< mem_limit; 0: none
  OptionalBytes used_peak;                  ///< mem_used_max
  std::optional<std::uint64_t> same_pages;  ///< pages of one repeated word, which take no memory
  std::optional<std::uint64_t> compacted;   ///< pages_compacted: freed by compaction so far
  std::optional<std::uint64_t> huge_pages;  ///< incompressible pages (4.19)
  std::optional<std::uint64_t> huge_pages_since;  ///< all of them so far (5.15)
};

/// A figure that is no number, or one below 0, is absent, and the line counts as skipped; so does
/// one with fewer than seven numbers. Of a line that is cut short nothing is known.
Parsed<ZramMemory> parse_zram_memory(std::string_view text);

}  // namespace memory_exporter::procfs
