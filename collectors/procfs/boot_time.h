#pragma once

#include <cstdint>
#include <string_view>

#include "collectors/base/result.h"

namespace memory_exporter::procfs {

/// When the machine came up, in seconds since the epoch: the line "btime" of /proc/stat (kernel:
/// fs/proc/stat.c, show_stat), a whole second, and moved when the clock is set. Readable by
/// everyone. The file holds a line per CPU and a number per interrupt: 11 us to read with two CPUs.
///
/// Malformed: no such line, its value no number, or a text that ends within it.
Result<std::uint64_t> parse_boot_time(std::string_view text);

}  // namespace memory_exporter::procfs
