#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "collectors/procfs/parsed.h"

namespace memory_exporter::procfs {

/// Sums over the zones of all nodes in /proc/zoneinfo (kernel: mm/vmstat.c, zoneinfo_show_print),
/// in pages. One that a line is missing of, or that does not fit, is absent: it would be too small.
struct Zoneinfo {
  /// `count:` of the page sets: free pages that CPUs hold for themselves, which MemFree leaves out.
  std::optional<std::uint64_t> percpu_free;
  /// `managed` (3.9): what the page allocator hands out.
  std::optional<std::uint64_t> managed;
};

/// Readable by everyone; about 60 us with two CPUs, and more with each CPU and node, because the
/// file has every counter of every zone.
///
/// Skipped: a count that is no number or with which the sum does not fit, and a last line that is
/// cut short. Of a text without a single zone nothing is known.
Parsed<Zoneinfo> parse_zoneinfo(std::string_view text);

}  // namespace memory_exporter::procfs
