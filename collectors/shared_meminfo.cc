#include "collectors/shared_meminfo.h"

#include <utility>

#include "collectors/read_file.h"

namespace memory_exporter {

const procfs::Meminfo* SharedMeminfo::get(ReadErrors& errors) {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(is_read_, true)) {
    meminfo_ = read_file(procfs_, "meminfo", text_, errors_, procfs::parse_meminfo);
    errors.take(errors_);
  } else {
    for (const auto& noted : errors_.noted()) errors.meet(noted.error);
  }
  return meminfo_ ? &*meminfo_ : nullptr;
}

}  // namespace memory_exporter
