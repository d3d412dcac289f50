#include "collectors/process/sampling/pagemap_reader.h"

#include <algorithm>
#include <set>
#include <utility>

#include "collectors/process/sampling/rollup_cost.h"
#include "collectors/process/table/pid_path.h"
#include "collectors/procfs/maps.h"
#include "collectors/procfs/mountinfo.h"

namespace memory_exporter::process {
namespace {

using procfs::page_size;

/// smaps_rollup adds shares of pages in this unit too (PSS_SHIFT), so that nothing is rounded away.
constexpr std::uint64_t share_unit = 4096;

constexpr std::uint64_t pages_per_huge_page = 512;

/// Frames this close together are read with one read of kpagecount, those between them too: a read
/// costs as much as a few frames.
constexpr std::uint64_t frame_gap = 8;

}  // namespace

std::optional<Result<Found>> PagemapReader::read(const ReadRequest& request, ReadControl& control,
                                                 std::unique_ptr<ReadProgress>& progress) {
  if (!counts_) {
    auto counts = procfs::PageCounts::open(procfs_);
    if (!counts) return Result<Found>(counts.error());
    counts_ = std::move(*counts);
  }
  auto* walk = dynamic_cast<Progress*>(progress.get());
  if (walk == nullptr) {
    auto begun = begin(request, control);
    if (!begun) return Result<Found>(begun.error());
    walk = begun->get();
    progress = std::move(*begun);
  }
  auto outcome = go_on(*walk, control);
  if (!outcome) return std::nullopt;
  progress.reset();
  return any_found(std::move(*outcome));
}

std::optional<Result<MemoryFound>> PagemapReader::go_on(Progress& walk, ReadControl& control) {
  while (true) {
    const auto next = find_runs(walk);
    if (!next) return next.error();
    if (*next == Next::end) return finish(walk);
    if (*next == Next::run) {
      if (auto done = read_part(walk); !done) return done.error();
      if (!shared_.empty()) {
        control.held();
        if (auto done = add_shared_pages(walk); !done) return done.error();
        control.not_held();
      }
    }
    if (walk.held_for < pauses_after_) continue;
    walk.held_for = {};
    if (!control.pause(pause)) return std::nullopt;
  }
}

Result<std::unique_ptr<PagemapReader::Progress>> PagemapReader::begin(const ReadRequest& request,
                                                                      ReadControl& control) {
  auto pagemap = procfs::Pagemap::open(
      procfs_, PidPath(request.id.pid, request.memory_thread, "pagemap").c_str());
  if (!pagemap) return pagemap.error();
  auto ranges = find_ranges(request, control);
  if (!ranges) return ranges.error();
  auto walk =
      std::make_unique<Progress>(request.figures.swap, std::move(*pagemap), std::move(*ranges));
  if (!walk->ranges.empty()) walk->scanned_to = walk->ranges.front().start;
  return walk;
}

/// Shared memory lives on tmpfs: on a mounted one, or on the kernel's own, whose files have these
/// names.
bool PagemapReader::is_shmem(const procfs::Vma& vma) const {
  if (vma.path.starts_with("/memfd:") || vma.path.starts_with("/SYSV") ||
      vma.path == "/dev/zero (deleted)") {
    return true;
  }
  const Device device{vma.device_major, vma.device_minor};
  return vma.inode != 0 && std::binary_search(tmpfs_devices_.begin(), tmpfs_devices_.end(), device);
}

/// One tmpfs may be mounted many thousand times.
Status PagemapReader::find_tmpfs(const char* mountinfo) {
  procfs::MountinfoParser parser;
  std::set<Device> devices;
  const auto done =
      procfs_.read_in_pieces(mountinfo, buffer_, [&](std::string_view text, bool last) {
        return parser.parse(text, last, [&](const procfs::Mount& mount) {
          if (mount.type != "tmpfs") return;
          devices.emplace(mount.device_major, mount.device_minor);
        });
      });
  tmpfs_devices_.assign(devices.begin(), devices.end());
  return done;
}

/// The address space in as few stretches as there are changes between files and shared memory, and
/// wide gaps.
Result<std::vector<PagemapReader::Range>> PagemapReader::find_ranges(const ReadRequest& request,
                                                                     ReadControl& control) {
  const auto pid = request.id.pid;
  const auto thread = request.memory_thread;
  if (auto found = find_tmpfs(PidPath(pid, thread, "mountinfo").c_str()); !found) {
    return found.error();
  }
  control.not_held();

  std::vector<Range> ranges;
  const auto add = [&](const procfs::Vma& vma) {
    if (vma.is_gate()) return;  // the kernel's, beyond what pagemap covers
    const auto kind = is_shmem(vma) ? shmem : file;
    // One that has grown since the last piece of text may overlap the one before it.
    const auto start = ranges.empty() ? vma.start : std::max(vma.start, ranges.back().end);
    if (start >= vma.end) return;
    const bool apart = ranges.empty() || start - ranges.back().end > scan_bytes;
    if (apart || ranges.back().file_kind != kind) {
      ranges.push_back({start, vma.end, kind});
    } else {
      ranges.back().end = vma.end;
    }
  };
  procfs::MapsParser parser;
  const auto done = procfs_.read_in_pieces(
      PidPath(pid, thread, "maps").c_str(), buffer_, [&](std::string_view piece, bool last) {
        control.held();  // the kernel lets go of the lock after each page
        return parser.parse(piece, last, add);
      });
  if (!done) return done.error();
  return ranges;
}

/// The runs of pages in memory between two addresses, or in the first part of it; how far it came.
/// A scan that took long is followed by a shorter one.
Result<std::uint64_t> PagemapReader::scan(Progress& walk, std::uint64_t from, std::uint64_t to) {
  walk.runs.resize(scan_runs);
  const auto began = Clock::now();
  const auto scanned = walk.pagemap.scan(from, from + std::min(to - from, walk.next_scan_bytes),
                                         scan_pages, walk.runs);
  if (!scanned) return scanned.error();
  walk.runs.resize(scanned->runs);
  const auto took = Clock::now() - began;
  walk.held_for += took;
  // What has been found has page tables around it; what is swapped out begins where it likes.
  const bool goes_farther = took < quick && walk.runs.empty() && walk.swap == Bytes{};
  walk.next_scan_bytes =
      goes_farther ? std::min(2 * walk.next_scan_bytes, most_scan_bytes) : scan_bytes;
  return scanned->next;
}

/// Makes sure that there is a run to read, or tells that there was none for long enough to pause.
Result<PagemapReader::Next> PagemapReader::find_runs(Progress& walk) {
  while (walk.run == walk.runs.size()) {
    if (walk.range == walk.ranges.size()) return Next::end;
    const auto& range = walk.ranges[walk.range];
    if (walk.scanned_to >= range.end) {
      if (++walk.range < walk.ranges.size()) walk.scanned_to = walk.ranges[walk.range].start;
      continue;
    }
    const auto from = walk.scanned_to;
    const auto stretch = std::min(range.end - from, scan_pages * page_size);
    walk.run = 0;
    walk.read_to = 0;
    walk.guessed = walk.guesses > 0;
    if (walk.guessed) {
      --walk.guesses;
      walk.runs.assign(1, {.start = from, .end = from + stretch});
      walk.scanned_to = from + stretch;
      continue;
    }
    const auto scanned_to = scan(walk, from, range.end);
    if (!scanned_to) return scanned_to.error();
    walk.scanned_to = *scanned_to;
    const bool full = walk.runs.size() == 1 && walk.runs[0].start == from &&
                      walk.runs[0].end == from + stretch && !walk.runs[0].is_huge();
    if (full) walk.guesses = guesses_per_full_scan;
    if (walk.runs.empty() && walk.held_for >= pauses_after_) return Next::pause;
  }
  return Next::run;
}

/// The next part of the run at hand.
Status PagemapReader::read_part(Progress& walk) {
  const auto& run = walk.runs[walk.run];
  const auto from = std::max(run.start, walk.read_to);
  const auto pages = std::min<std::uint64_t>((run.end - from) / page_size, part_pages);
  entries_.resize(pages);
  const auto began = Clock::now();
  const auto got = walk.pagemap.read(from, entries_);
  if (!got) return got.error();
  walk.held_for += Clock::now() - began;
  const auto file_kind = walk.ranges[walk.range].file_kind;
  std::array<std::uint64_t, kinds> exclusive{};
  shared_.clear();
  std::uint64_t own = 0;
  std::uint64_t present = 0;
  for (const auto entry : std::span(entries_).first(*got)) {
    if (entry.present_anonymous_and_exclusive()) {
      ++own;
      continue;
    }
    if (!entry.present()) continue;  // gone since the scan, or there was none
    ++present;
    const Kind kind = entry.file_or_shared() ? file_kind : anon;
    if (entry.exclusive()) {
      ++exclusive[kind];
    } else {
      shared_.push_back({entry.frame(), kind});
    }
  }
  exclusive[anon] += own;
  present += own;
  for (std::size_t kind = 0; kind < kinds; ++kind) {
    walk.private_pages += exclusive[kind];
    walk.resident_pages += exclusive[kind];
    walk.pss[kind] += exclusive[kind] * page_size * share_unit;
  }
  if (run.is_huge()) walk.huge_pages += pages;
  walk.read_to = from + pages * page_size;
  if (walk.guessed && present < pages) {  // the end of what was full
    walk.guesses = 0;
    walk.scanned_to = walk.read_to;
    walk.run = walk.runs.size();
  } else if (walk.read_to >= run.end) {
    ++walk.run;
  }
  return Done{};
}

/// Looks the pages up that are not exclusive, neighbouring frames together.
Status PagemapReader::add_shared_pages(Progress& walk) {
  std::sort(shared_.begin(), shared_.end(),
            [](const SharedPage& a, const SharedPage& b) { return a.frame < b.frame; });
  for (std::size_t first = 0; first < shared_.size();) {
    auto last = first + 1;
    while (last < shared_.size() && shared_[last].frame - shared_[last - 1].frame <= frame_gap) {
      ++last;
    }
    const auto lowest = shared_[first].frame;
    mappers_.resize(shared_[last - 1].frame - lowest + 1);
    const auto got = counts_->read(lowest, mappers_);
    if (!got) return got.error();
    for (; first < last; ++first) {
      const auto& page = shared_[first];
      const auto at = page.frame - lowest;
      const auto mappers = at < *got ? mappers_[at] : 0;
      if (mappers == 0) continue;  // not memory of anyone's: the zero page, a device's
      ++walk.resident_pages;
      if (mappers == 1) ++walk.private_pages;  // the others have just let go of it
      walk.pss[page.kind] += page_size * share_unit / mappers;
    }
  }
  return Done{};
}

MemoryFound PagemapReader::finish(const Progress& walk) {
  const auto bytes = [](std::uint64_t shares) { return Bytes{shares / share_unit}; };
  MemoryFound found;
  auto& memory = found.memory;
  memory.resident = Bytes{walk.resident_pages * page_size};
  found.uss = Bytes{walk.private_pages * page_size};
  memory.pss_anon = bytes(walk.pss[anon]);
  memory.pss_file = bytes(walk.pss[file]);
  memory.pss_shmem = bytes(walk.pss[shmem]);
  memory.pss = bytes(walk.pss[anon] + walk.pss[file] + walk.pss[shmem]);
  // A process with hugetlb pages is not read this way.
  memory.private_hugetlb = memory.shared_hugetlb = Bytes{};
  if (walk.swap == Bytes{}) memory.swap_pss = Bytes{};
  const bool maps_shmem = std::any_of(walk.ranges.begin(), walk.ranges.end(),
                                      [](const Range& range) { return range.file_kind == shmem; });
  if (!maps_shmem) memory.swap = walk.swap;

  const auto small_pages = walk.resident_pages - std::min(walk.resident_pages, walk.huge_pages) +
                           walk.swap.value / page_size;
  found.rollup_cost = rollup_cost(small_pages, walk.huge_pages / pages_per_huge_page);
  return found;
}

}  // namespace memory_exporter::process
