#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "collectors/base/text.h"
#include "collectors/procfs/parsed.h"

namespace memory_exporter::procfs {

/// Calls `visit(field, number)` for every line of a text in the form "field number", which cgroup
/// documentation calls flat keyed: /proc/vmstat (kernel: mm/vmstat.c, vmstat_text), nodeN/vmstat
/// and numastat, a cgroup's memory.stat, memory.events, memory.oom_control. Readable by everyone;
/// /proc/vmstat costs about 30 us to read (the kernel adds the events of all CPUs up).
///
/// Values have the unit the kernel gave them: mostly events or pages. The number is nothing where
/// the line has another form (a number below 0 as v1's memory.stat before 4.2 has
/// them or above 2^64, more words). `visit` returns whether it has a use for
/// the field: only a line that somebody wanted counts as skipped.
template <typename Visit>
Skipped for_each_flat_keyed(std::string_view text, Visit&& visit) {
  return for_each_line(text, "\"field number\"", [&](std::string_view line) {
    const auto field = take_word(line);
    skip_blanks(line);
    const auto number = to_number(line);
    return field.empty() || !visit(field, number) || number;
  });
}

}  // namespace memory_exporter::procfs
