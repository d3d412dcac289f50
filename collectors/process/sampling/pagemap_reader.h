#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "collectors/process/sampling/page_runs.h"
#include "collectors/process/sampling/read.h"
#include "collectors/procfs/maps.h"
#include "collectors/procfs/pagemap.h"

namespace memory_exporter::process {

/// The courteous walk of a giant: pagemap in parts of PageRuns::part_pages, each holding the
/// target's mmap_lock for some 0.2 ms, with a pause once it was held for `quick` so that a waiting
/// mmap gets through (without one it waits up to 8 ms, because readers hand the lock to each
/// other). It can be cut at any pause and goes on there.
///
/// Pages mapped here alone (bit 56) are USS; of the others kpagecount tells the number of mappers,
/// and each adds its share to PSS, as smaps_rollup adds it. Frames that nobody counts (the zero
/// page, device memory, vvar) are in neither, as there.
///
/// What it cannot know stays absent: clean and dirty, referenced, locked and the like, SwapPss
/// where something is swapped, and swapped shared memory where shared memory is mapped.
class PagemapReader final : public ProcessReader {
 public:
  /// What is quicker than this altogether needs no pause: memory may lie scattered in runs of a few
  /// pages.
  static constexpr std::chrono::nanoseconds quick = PageRuns::quick;
  static constexpr std::chrono::microseconds pause{50};

  /// `pauses_after`: how long the lock is held between two pauses, and one part more.
  explicit PagemapReader(const procfs::Tree& procfs, std::chrono::nanoseconds pauses_after = quick)
      : procfs_(procfs), pauses_after_(pauses_after) {}

  std::optional<Result<Found>> read(const ReadRequest& request, ReadControl& control,
                                    std::unique_ptr<ReadProgress>& progress) override;

 private:
  enum Kind : std::size_t { anon, file, shmem, kinds };

  /// Where a walk is, and what it has counted.
  struct Progress final : ReadProgress {
    Progress(Bytes swapped, procfs::PageCounts opened, procfs::Pagemap pagemap,
             std::vector<AddressRange> ranges)
        : swap(swapped),
          counts(std::move(opened)),
          runs(std::move(pagemap), std::move(ranges), swapped != Bytes{}) {}

    Bytes swap;  ///< status VmSwap as it began
    /// Opened for each walk, which takes some 5 us: a kept one would be a descriptor more once
    /// there has been a giant.
    procfs::PageCounts counts;
    PageRuns runs;
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
  Result<std::vector<AddressRange>> find_ranges(const ReadRequest& request, ReadControl& control);
  Status find_tmpfs(const char* mountinfo);
  bool is_shmem(const procfs::Vma& vma) const;
  Status read_part(Progress& walk);
  Status add_shared_pages(Progress& walk);
  static MemoryFound finish(const Progress& walk);

  const procfs::Tree& procfs_;
  const std::chrono::nanoseconds pauses_after_;
  procfs::Buffer buffer_;
  std::vector<procfs::PagemapEntry> entries_;
  std::vector<SharedPage> shared_;
  std::vector<Device> tmpfs_devices_;  ///< of the target's mounts, sorted
  std::vector<std::uint64_t> mappers_;
};

}  // namespace memory_exporter::process
