#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "collectors/process/facts/clock.h"
#include "collectors/procfs/pagemap.h"

namespace memory_exporter::process {

/// A stretch of the address space.
struct AddressRange {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  bool maps_shmem = false;  ///< its pages that are not anonymous are shared memory, else of files
};

/// The pages in memory of one address space, found part by part: by scans (PAGEMAP_SCAN), which
/// skip holes, and where a scan found nothing but small pages by guesses that what follows is full.
class PageRuns {
 public:
  static constexpr std::size_t part_pages = 4096;
  static constexpr std::uint64_t scan_pages = 8192;
  static constexpr std::size_t scan_runs = 512;
  /// Address space in one scan: page tables without pages in memory cost up to 14 ns an entry too,
  /// swapped pages or pages that are gone, and a scan holds the lock. Also the gap between mappings
  /// that is not worth a scan.
  static constexpr std::uint64_t scan_bytes = 256 << 20;
  /// As long as scans are quicker than this, the next one goes twice as far, up to 16 times: there
  /// are no page tables, as in a reservation of a tebibyte.
  static constexpr std::chrono::nanoseconds quick = std::chrono::microseconds(50);
  static constexpr std::uint64_t most_scan_bytes = 16 * scan_bytes;
  /// Where a scan finds nothing but small pages, what follows is read without one, this many times
  /// as far or to the first hole: the scan is a quarter of the cost.
  static constexpr int guesses_per_full_scan = 7;

  /// What is to be read next, at most part_pages.
  struct Part {
    std::uint64_t from = 0;  ///< address
    std::uint64_t pages = 0;
    bool huge = false;
    bool maps_shmem = false;  ///< as in AddressRange
  };
  enum class Next { part, pause, end };

  /// `ranges`: in order, and apart. `swapped`: something of it is swapped out.
  PageRuns(procfs::Pagemap pagemap, std::vector<AddressRange> ranges, bool swapped);

  /// Finds the next part, or that there is none, or none for so long that the lock was held for
  /// `pauses_after`.
  Result<Next> find(std::chrono::nanoseconds pauses_after);
  Part part() const;
  /// The entries of the part at hand; fewer at the end of the address space.
  Result<std::size_t> read(std::span<procfs::PagemapEntry> entries);
  /// The part at hand is done, of which so many pages were in memory.
  void leave(std::uint64_t present);

  /// The target's mmap_lock, since paused().
  std::chrono::nanoseconds held_for() const { return held_for_; }
  void paused() { held_for_ = {}; }

  const std::vector<AddressRange>& ranges() const { return ranges_; }

 private:
  Status scan(const AddressRange& range);

  procfs::Pagemap pagemap_;
  std::vector<AddressRange> ranges_;
  const bool swapped_;
  std::size_t range_ = 0;
  std::uint64_t scanned_to_ = 0;  ///< address
  std::uint64_t next_scan_bytes_ = scan_bytes;
  std::chrono::nanoseconds held_for_{};
  std::vector<procfs::PageRun> runs_;  ///< found, and not yet read
  std::size_t run_ = 0;
  std::uint64_t read_to_ = 0;  ///< address, in the run at hand
  int guesses_ = 0;            ///< stretches still to be read without a scan
  bool guessed_ = false;       ///< the run at hand is one
};

}  // namespace memory_exporter::process
