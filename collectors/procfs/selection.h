#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/result.h"

namespace memory_exporter::procfs {

/// A sysfs file that lists what may be chosen and marks what is: "always [madvise] never".
struct Selection {
  std::vector<std::string> choices;  ///< without brackets, in the kernel's order, none twice
  std::size_t chosen = 0;            ///< an index into them
};

/// Malformed: anything but one line with one choice in brackets.
Result<Selection> parse_selection(std::string_view text);

}  // namespace memory_exporter::procfs
