#pragma once

#include <mutex>
#include <optional>

#include "collectors/procfs/meminfo.h"
#include "collectors/procfs/reader.h"
#include "collectors/read_failures.h"

namespace memory_exporter {

/// /proc/meminfo as all collectors of one scrape see it, so that no two families of a reply
/// disagree. It is read once, by the first that asks; safe to share between threads.
class SharedMeminfo {
 public:
  /// `procfs` must outlive the object.
  explicit SharedMeminfo(const procfs::Tree& procfs) : procfs_(procfs) {}

  /// Null where the file is not there or cannot be read. What could not be read is counted for the
  /// first that asks and noted for the others. Lives as long as this object, and so does the text
  /// that its names point into.
  const procfs::Meminfo* get(ReadErrors& errors);

 private:
  const procfs::Tree& procfs_;
  std::mutex mutex_;
  bool is_read_ = false;
  procfs::Buffer text_;
  std::optional<procfs::Meminfo> meminfo_;
  ReadErrors errors_;
};

}  // namespace memory_exporter
