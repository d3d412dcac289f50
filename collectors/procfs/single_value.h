#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "collectors/base/bytes.h"
#include "collectors/base/result.h"

namespace memory_exporter::procfs {

/// A file that holds one decimal number and a newline: a sysctl (/proc/sys), a sysfs attribute, a
/// cgroup's memory.current. Reading one costs about 2 us. Malformed: anything else, a missing
/// newline included (a number cut short would pass for a smaller one).
Result<std::uint64_t> parse_single_value(std::string_view text);

/// The same where the number may be negative.
Result<std::int64_t> parse_signed_value(std::string_view text);

/// A cgroup's limit: a number of bytes, or "max", which is nothing.
Result<OptionalBytes> parse_limit(std::string_view text);

/// A switch of a kernel module (/sys/module/NAME/parameters): Y or N.
Result<bool> parse_yes_or_no(std::string_view text);

}  // namespace memory_exporter::procfs
