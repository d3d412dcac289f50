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
    const auto next = walk.runs.find(pauses_after_);
    if (!next) return next.error();
    if (*next == PageRuns::Next::end) return finish(walk);
    if (*next == PageRuns::Next::part) {
      if (auto done = read_part(walk); !done) return done.error();
      if (!shared_.empty()) {
        control.held();
        if (auto done = add_shared_pages(walk); !done) return done.error();
        control.not_held();
      }
    }
    if (walk.runs.held_for() < pauses_after_) continue;
    walk.runs.paused();
    if (!control.pause(pause)) return std::nullopt;
  }
}

Result<std::unique_ptr<PagemapReader::Progress>> PagemapReader::begin(const ReadRequest& request,
                                                                      ReadControl& control) {
  auto counts = procfs::PageCounts::open(procfs_);
  if (!counts) return counts.error();
  auto pagemap = procfs::Pagemap::open(
      procfs_, PidPath(request.id.pid, request.memory_thread, "pagemap").c_str());
  if (!pagemap) return pagemap.error();
  auto ranges = find_ranges(request, control);
  if (!ranges) return ranges.error();
  return std::make_unique<Progress>(request.figures.swap, std::move(*counts), std::move(*pagemap),
                                    std::move(*ranges));
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
Result<std::vector<AddressRange>> PagemapReader::find_ranges(const ReadRequest& request,
                                                             ReadControl& control) {
  const auto pid = request.id.pid;
  const auto thread = request.memory_thread;
  if (auto found = find_tmpfs(PidPath(pid, thread, "mountinfo").c_str()); !found) {
    return found.error();
  }
  control.not_held();

  std::vector<AddressRange> ranges;
  const auto add = [&](const procfs::Vma& vma) {
    if (vma.is_gate()) return;  // the kernel's, beyond what pagemap covers
    const bool maps_shmem = is_shmem(vma);
    // One that has grown since the last piece of text may overlap the one before it.
    const auto start = ranges.empty() ? vma.start : std::max(vma.start, ranges.back().end);
    if (start >= vma.end) return;
    const bool apart = ranges.empty() || start - ranges.back().end > PageRuns::scan_bytes;
    if (apart || ranges.back().maps_shmem != maps_shmem) {
      ranges.push_back({start, vma.end, maps_shmem});
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

Status PagemapReader::read_part(Progress& walk) {
  const auto part = walk.runs.part();
  entries_.resize(part.pages);
  const auto got = walk.runs.read(entries_);
  if (!got) return got.error();
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
    const Kind kind = !entry.file_or_shared() ? anon : part.maps_shmem ? shmem : file;
    if (entry.exclusive()) {
      ++exclusive[kind];
    } else {
      shared_.push_back({entry.frame(), kind});
    }
  }
  exclusive[anon] += own;
  for (std::size_t kind = 0; kind < kinds; ++kind) {
    walk.private_pages += exclusive[kind];
    walk.resident_pages += exclusive[kind];
    walk.pss[kind] += exclusive[kind] * page_size * share_unit;
  }
  if (part.huge) walk.huge_pages += part.pages;
  walk.runs.leave(present + own);
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
    const auto got = walk.counts.read(lowest, mappers_);
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
  const auto& ranges = walk.runs.ranges();
  const bool maps_shmem = std::any_of(ranges.begin(), ranges.end(),
                                      [](const AddressRange& range) { return range.maps_shmem; });
  if (!maps_shmem) memory.swap = walk.swap;

  const auto small_pages = walk.resident_pages - std::min(walk.resident_pages, walk.huge_pages) +
                           walk.swap.value / page_size;
  found.rollup_cost = rollup_cost(small_pages, walk.huge_pages / pages_per_huge_page);
  return found;
}

}  // namespace memory_exporter::process
