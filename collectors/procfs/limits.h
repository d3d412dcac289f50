#pragma once

#include <optional>
#include <string_view>

#include "collectors/base/bytes.h"
#include "collectors/base/result.h"
#include "collectors/procfs/parsed.h"

namespace memory_exporter::procfs {

/// The soft limits on memory of /proc/PID/limits (kernel: fs/proc/base.c, proc_pid_limits;
/// getrlimit(2)). Readable without privileges; about 11 us to read, 0.3 us to parse. The soft limit
/// is the one the kernel enforces. An unlimited one is absent, as is one that is not printed.
struct Limits {
  OptionalBytes data;           ///< Max data size: brk and private writable mappings (4.7)
  OptionalBytes stack;          ///< Max stack size: the main thread's
  OptionalBytes locked;         ///< Max locked memory
  OptionalBytes address_space;  ///< Max address space
};

/// Other limits are passed over. One of these without "soft hard bytes" is absent, and noted in
/// `skipped` where that is given. Malformed is a text whose last line was cut short.
Result<Limits> parse_limits(std::string_view text, Skipped* skipped = nullptr);

}  // namespace memory_exporter::procfs
