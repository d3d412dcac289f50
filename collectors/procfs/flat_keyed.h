#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "collectors/base/result.h"
#include "collectors/base/text.h"

namespace memory_exporter::procfs {

/// Calls `visit(field, value)` for every line of a text in the form "field number", which cgroup
/// documentation calls flat keyed: /proc/vmstat (kernel: mm/vmstat.c, vmstat_text), nodeN/vmstat
/// and numastat, a cgroup's memory.stat, memory.events, memory.oom_control. Readable by everyone;
/// /proc/vmstat costs about 30 us to read (the kernel adds the events of all CPUs up).
///
/// Values have the unit the kernel gave them: mostly events or pages. Malformed, with its line: a
/// line of another form, a number above 2^64, and a text that ends within a line.
template <typename Visit>
Status for_each_flat_keyed(std::string_view text, Visit&& visit) {
  if (ends_within_line(text)) return malformed("the last line is cut short");
  for (int number = 1; !text.empty(); ++number) {
    auto line = take_line(text);
    const auto field = take_word(line);
    skip_blanks(line);
    const auto value = to_number(line);
    if (field.empty() || !value) return malformed("expected \"field number\"", number);
    visit(field, *value);
  }
  return Done{};
}

}  // namespace memory_exporter::procfs
