#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "collectors/procfs/parsed.h"

namespace memory_exporter::procfs {

/// /proc/pressure/memory (4.20) and a cgroup's memory.pressure (kernel: kernel/sched/psi.c,
/// psi_show): how long tasks have waited for memory since boot. Readable by everyone; about 3 us.
/// With PSI switched off at boot the file is there and reading it fails with EOPNOTSUPP.
struct Pressure {
  std::optional<std::chrono::microseconds> some;  ///< at least one task waited
  std::optional<std::chrono::microseconds> full;  ///< all of them did
};

/// Skipped: one of these two lines without "total=number", and a last line that is cut short.
Parsed<Pressure> parse_pressure(std::string_view text);

}  // namespace memory_exporter::procfs
