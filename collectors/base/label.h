#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace memory_exporter {

/// Label values come from bytes that a process chose (comm, cmdline) or that a file system allows
/// (cgroup paths), and Prometheus refuses a whole scrape for one that is not UTF-8.

/// The longest value a label may have.
inline constexpr std::size_t max_label_size = 512;

/// `bytes` as a label value: valid UTF-8 of at most max_label_size bytes. A longer one is cut
/// between code points and ends in '~' and 16 hex digits of a hash over all of `bytes`, so that
/// two long values do not become one. The same bytes give the same label on every machine and in
/// every version. To be called before a group key is built: what repair makes alike is one group.
std::string valid_label(std::string_view bytes);

}  // namespace memory_exporter
