#pragma once

#include <cstdint>
#include <string_view>

#include "collectors/base/result.h"

namespace memory_exporter::procfs {

/// The free pages that CPUs hold for themselves, which MemFree leaves out: the sum of `count:` over
/// the page sets in /proc/zoneinfo (kernel: mm/vmstat.c, zoneinfo_show_print). Readable by
/// everyone; about 60 us with two CPUs, and more with each CPU and node, because the file has every
/// counter of every zone.
///
/// Malformed, with its line: a count that is no number, a sum that does not fit, a text that ends
/// within a line, and one without a single zone.
Result<std::uint64_t> parse_percpu_free_pages(std::string_view zoneinfo);

}  // namespace memory_exporter::procfs
