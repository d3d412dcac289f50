#include "collectors/process/sampling/page_runs.h"

#include <algorithm>

namespace memory_exporter::process {

using procfs::page_size;

PageRuns::PageRuns(procfs::Pagemap pagemap, std::vector<AddressRange> ranges, bool swapped)
    : pagemap_(std::move(pagemap)), ranges_(std::move(ranges)), swapped_(swapped) {
  if (!ranges_.empty()) scanned_to_ = ranges_.front().start;
}

Result<PageRuns::Next> PageRuns::find(std::chrono::nanoseconds pauses_after) {
  while (run_ == runs_.size()) {
    if (range_ == ranges_.size()) return Next::end;
    const auto& range = ranges_[range_];
    if (scanned_to_ >= range.end) {
      if (++range_ < ranges_.size()) scanned_to_ = ranges_[range_].start;
      continue;
    }
    run_ = 0;
    read_to_ = 0;
    guessed_ = guesses_ > 0;
    if (guessed_) {
      --guesses_;
      const auto end = scanned_to_ + std::min(range.end - scanned_to_, scan_pages * page_size);
      runs_.assign(1, {.start = scanned_to_, .end = end});
      scanned_to_ = end;
      continue;
    }
    if (auto done = scan(range); !done) return done.error();
    if (runs_.empty() && held_for_ >= pauses_after) return Next::pause;
  }
  return Next::part;
}

/// The runs of pages in memory from where the last scan ended. One that took long is followed by a
/// shorter one.
Status PageRuns::scan(const AddressRange& range) {
  const auto from = scanned_to_;
  runs_.resize(scan_runs);
  const auto began = Clock::now();
  const auto scanned =
      pagemap_.scan(from, from + std::min(range.end - from, next_scan_bytes_), scan_pages, runs_);
  if (!scanned) return scanned.error();
  runs_.resize(scanned->runs);
  scanned_to_ = scanned->next;
  const auto took = Clock::now() - began;
  held_for_ += took;
  // What has been found has page tables around it; what is swapped out begins where it likes.
  const bool goes_farther = took < quick && runs_.empty() && !swapped_;
  next_scan_bytes_ = goes_farther ? std::min(2 * next_scan_bytes_, most_scan_bytes) : scan_bytes;

  const auto stretch = std::min(range.end - from, scan_pages * page_size);
  const bool full = runs_.size() == 1 && runs_[0].start == from && runs_[0].end == from + stretch &&
                    !runs_[0].is_huge();
  if (full) guesses_ = guesses_per_full_scan;
  return Done{};
}

PageRuns::Part PageRuns::part() const {
  const auto& run = runs_[run_];
  const auto from = std::max(run.start, read_to_);
  return {from, std::min<std::uint64_t>((run.end - from) / page_size, part_pages), run.is_huge(),
          ranges_[range_].maps_shmem};
}

Result<std::size_t> PageRuns::read(std::span<procfs::PagemapEntry> entries) {
  const auto began = Clock::now();
  auto got = pagemap_.read(part().from, entries);
  held_for_ += Clock::now() - began;
  return got;
}

void PageRuns::leave(std::uint64_t present) {
  const auto [from, pages, huge, maps_shmem] = part();
  read_to_ = from + pages * page_size;
  if (guessed_ && present < pages) {  // the end of what was full
    guesses_ = 0;
    scanned_to_ = read_to_;
    run_ = runs_.size();
  } else if (read_to_ >= runs_[run_].end) {
    ++run_;
  }
}

}  // namespace memory_exporter::process
