#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "collectors/base/bytes.h"
#include "collectors/base/result.h"

namespace memory_exporter::procfs {

/// /sys/block/zramN/mm_stat (kernel: drivers/block/zram/zram_drv.c, mm_stat_show): one line of
/// numbers without names, more of them in newer kernels. Readable by everyone; about 5 us.
struct ZramMemory {
  Bytes original;                           ///< orig_data_size: what is stored, uncompressed
  Bytes compressed;                         ///< compr_data_size
  Bytes used;                               ///< mem_used_total: with the allocator's overhead
  Bytes limit;                              ///< mem_limit; 0: none
  Bytes used_peak;                          ///< mem_used_max
  std::uint64_t same_pages = 0;             ///< pages of one repeated word, which take no memory
  std::uint64_t compacted = 0;              ///< pages_compacted: freed by compaction so far
  std::optional<std::uint64_t> huge_pages;  ///< incompressible pages (4.19)
  std::optional<std::uint64_t> huge_pages_since;  ///< all of them so far (5.15)
};

/// Malformed: fewer than seven numbers, anything that is no number, a line cut short.
Result<ZramMemory> parse_zram_memory(std::string_view text);

}  // namespace memory_exporter::procfs
