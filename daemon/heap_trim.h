#pragma once

#include <cstddef>

namespace memory_exporter {

/// Tells when memory is to be given back to the kernel (malloc_trim). What a process or a group
/// takes lies between what others take: when a thousand of them have ended, malloc has their pages
/// free and keeps them, 1 MiB of a daemon of 9. A trim takes some 0.3 ms.
class HeapTrim {
 public:
  /// After each collection, with how many processes and groups it has found. Whether to trim now: a
  /// few times after a fall, because the snapshot of the one before, as large, is let go of later,
  /// and so is what the readers know of each process.
  bool due(std::size_t found) {
    if (found > most_) most_ = found;
    const bool trim = left_ > 0;
    if (trim) --left_;
    if (most_ - found >= least_fall && found <= most_ - most_ / 4) {
      most_ = found;
      left_ = trims;
    }
    return trim;
  }

 private:
  static constexpr std::size_t least_fall = 200;
  static constexpr int trims = 4;

  std::size_t most_ = 0;  ///< since the last fall
  int left_ = 0;          ///< trims that are still due after it
};

}  // namespace memory_exporter
