#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "collectors/process/sampling/read.h"
#include "collectors/procfs/maps.h"
#include "collectors/procfs/pagemap.h"

namespace memory_exporter::process {

/// The courteous walk of a giant: pagemap in parts of `part_pages`, each holding the target's
/// mmap_lock for some 0.2 ms, with a pause once it was held for `quick` so that a waiting mmap gets
/// through (without one it waits up to 8 ms, because readers hand the lock to each other). It can
/// be cut at any pause and goes on there.
///
/// Pages mapped here alone (bit 56) are USS; of the others kpagecount tells the number of mappers,
/// and each adds its share to PSS, as smaps_rollup adds it. Frames that nobody counts (the zero
/// page, device memory, vvar) are in neither, as there.
///
/// What it cannot know stays absent: clean and dirty, referenced, locked and the like, SwapPss
/// where something is swapped, and swapped shared memory where shared memory is mapped.
class PagemapReader final : public ProcessReader {
 public:
  static constexpr std::size_t part_pages = 4096;
  static constexpr std::uint64_t scan_pages = 8192;
  static constexpr std::size_t scan_runs = 512;
  /// Address space in one scan: page tables without pages in memory cost up to 14 ns an entry too,
  /// swapped pages or pages that are gone, and a scan holds the lock. Also the gap between mappings
  /// that is not worth a scan.
  static constexpr std::uint64_t scan_bytes = 256 << 20;
  /// As long as scans are quicker than this, the next one goes twice as far, up to 16 times: there
  /// are no page tables, as in a reservation of a tebibyte. And what is this quick altogether needs
  /// no pause: memory may lie scattered in runs of a few pages.
  static constexpr std::chrono::nanoseconds quick = std::chrono::microseconds(50);
  static constexpr std::uint64_t most_scan_bytes = 16 * scan_bytes;
  /// Where a scan finds nothing but small pages, what follows is read without one, this many times
  /// as far or to the first hole: the scan is a quarter of the cost.
  static constexpr int guesses_per_full_scan = 7;
  static constexpr std::chrono::microseconds pause{50};

  /// `pauses_after`: how long the lock is held between two pauses, and one part more.
  explicit PagemapReader(const procfs::Tree& procfs, std::chrono::nanoseconds pauses_after = quick)
      : procfs_(procfs), pauses_after_(pauses_after) {}

  std::optional<Result<Found>> read(const ReadRequest& request, ReadControl& control,
                                    std::unique_ptr<ReadProgress>& progress) override;

 private:
  enum Kind : std::size_t { anon, file, shmem, kinds };

  /// A stretch of the address space whose file pages, if any, are all of one kind.
  struct Range {
    std::uint64_t start = 0;
    std::uint64_t end = 0;
    Kind file_kind = file;
  };

  /// Where a walk is, and what it has counted.
  struct Progress final : ReadProgress {
    Progress(Bytes swapped, procfs::Pagemap opened, std::vector<Range> found)
        : swap(swapped), pagemap(std::move(opened)), ranges(std::move(found)) {}

    Bytes swap;  ///< status VmSwap as it began
    procfs::Pagemap pagemap;
    std::vector<Range> ranges;
    std::size_t range = 0;
    std::uint64_t scanned_to = 0;  ///< address
    std::uint64_t next_scan_bytes = scan_bytes;
    std::chrono::nanoseconds held_for{};  ///< the target's mmap_lock, since the last pause
    std::vector<procfs::PageRun> runs;    ///< found, and not yet read
    std::size_t run = 0;
    int guesses = 0;                         ///< stretches still to be read without a scan
    bool guessed = false;                    ///< the run at hand is one
    std::uint64_t read_to = 0;               ///< address, in that run
    std::array<std::uint64_t, kinds> pss{};  ///< bytes, in units of 1/4096
    std::uint64_t resident_pages = 0;
    std::uint64_t private_pages = 0;
    std::uint64_t huge_pages = 0;  ///< 4 KiB pages that lie in huge ones
  };

  using Device = std::pair<std::uint32_t, std::uint32_t>;

  struct SharedPage {
    std::uint64_t frame;
    Kind kind;
  };

  Result<std::unique_ptr<Progress>> begin(const ReadRequest& request, ReadControl& control);
  std::optional<Result<MemoryFound>> go_on(Progress& walk, ReadControl& control);
  Result<std::vector<Range>> find_ranges(const ReadRequest& request, ReadControl& control);
  Result<std::uint64_t> scan(Progress& walk, std::uint64_t from, std::uint64_t to);
  Status find_tmpfs(const char* mountinfo);
  bool is_shmem(const procfs::Vma& vma) const;
  enum class Next { run, pause, end };
  Result<Next> find_runs(Progress& walk);
  Status read_part(Progress& walk);
  Status add_shared_pages(Progress& walk);
  static MemoryFound finish(const Progress& walk);

  const procfs::Tree& procfs_;
  const std::chrono::nanoseconds pauses_after_;
  std::optional<procfs::PageCounts> counts_;
  procfs::Buffer buffer_;
  std::vector<procfs::PagemapEntry> entries_;
  std::vector<SharedPage> shared_;
  std::vector<Device> tmpfs_devices_;  ///< of the target's mounts, sorted
  std::vector<std::uint64_t> mappers_;
};

}  // namespace memory_exporter::process
