#pragma once

#include <cstddef>

namespace memory_exporter {

/// Tells when memory is to be given back to the kernel (malloc_trim). What a process or a group
/// takes lies between what others take: when a thousand of them have ended, malloc has their pages
/// free and keeps them, 1 MiB of a daemon of 9. A trim takes some 0.3 ms.
class HeapTrim {
 public:
  /// After each collection, with how many processes and groups it has found. Whether to trim now:
  /// the snapshot of the one before, which is as large, has to be let go of first.
  bool due(std::size_t found) {
    if (found > most_) most_ = found;
    const bool trim = fell_;
    fell_ = most_ - found >= least_fall && found <= most_ - most_ / 4;
    if (fell_) most_ = found;
    return trim;
  }

 private:
  static constexpr std::size_t least_fall = 200;

  std::size_t most_ = 0;  ///< since the last fall
  bool fell_ = false;     ///< in the collection before
};

}  // namespace memory_exporter
