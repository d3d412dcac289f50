#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "collectors/base/result.h"
#include "collectors/procfs/reader.h"

namespace memory_exporter::procfs {

/// What the walk through pagemap counts in. Where the kernel's pages have another size there is no
/// such walk: see can_count_page_mappings().
inline constexpr std::uint64_t page_size = 4096;

/// The kernel's.
std::uint64_t kernel_page_size();

/// One 64-bit entry of /proc/PID/pagemap (kernel: Documentation/admin-guide/mm/pagemap.rst).
struct PagemapEntry {
  static constexpr std::uint64_t present_bit = std::uint64_t{1} << 63;
  static constexpr std::uint64_t file_or_shared_bit = std::uint64_t{1} << 61;
  static constexpr std::uint64_t exclusive_bit = std::uint64_t{1} << 56;
  static constexpr std::uint64_t frame_bits = (std::uint64_t{1} << 55) - 1;

  std::uint64_t bits = 0;

  bool present() const { return (bits & present_bit) != 0; }
  bool file_or_shared() const { return (bits & file_or_shared_bit) != 0; }  ///< not anonymous
  bool exclusive() const { return (bits & exclusive_bit) != 0; }  ///< mapped here and nowhere else
  /// A process's own memory, the usual case.
  bool present_anonymous_and_exclusive() const {
    return (bits & (present_bit | file_or_shared_bit | exclusive_bit)) ==
           (present_bit | exclusive_bit);
  }
  /// Page frame number of a present page; 0 without CAP_SYS_ADMIN.
  std::uint64_t frame() const { return bits & frame_bits; }
};

/// A run of pages of one sort, as PAGEMAP_SCAN reports it.
struct PageRun {
  std::uint64_t start = 0;  ///< address
  std::uint64_t end = 0;
  std::uint64_t categories = 0;

  bool is_huge() const { return (categories & (1 << 6)) != 0; }
};

/// The pagemap of one process. The mm is the one at the time of opening: after an exec, reads end
/// with ESRCH or nothing. Needs ptrace access and, the file being its owner's alone, the same user
/// or CAP_DAC_READ_SEARCH. It tells where pages are, never what is in them.
///
/// Each call takes the target's mmap_lock once for reading: about 48 ns a page in read(), 14 ns a
/// page in scan(), holes free of charge in scan() and 1 ns a page in read() (kernel 6.18).
class Pagemap {
 public:
  static Result<Pagemap> open(const Tree& procfs, const char* relative);

  /// PAGEMAP_SCAN (kernel 6.7): the runs of pages in memory between two addresses, at most
  /// `most_pages`. Fills `runs` from its front; `next` is where to go on, `end` when all is done.
  struct Scanned {
    std::size_t runs = 0;
    std::uint64_t next = 0;
  };
  Result<Scanned> scan(std::uint64_t start, std::uint64_t end, std::uint64_t most_pages,
                       std::span<PageRun> runs) const;

  /// The entries of the pages from `address` on; fewer than asked at the end of the address space.
  Result<std::size_t> read(std::uint64_t address, std::span<PagemapEntry> entries) const;

 private:
  Pagemap(FileDescriptor file, std::string path, std::shared_ptr<SystemCalls> calls)
      : file_(std::move(file)), path_(std::move(path)), calls_(std::move(calls)) {}
  FileDescriptor file_;
  std::string path_;
  std::shared_ptr<SystemCalls> calls_;
};

/// /proc/kpagecount: how often each page frame is mapped (kernel: fs/proc/page.c). Root's alone.
/// About 0.3 us a read and 90 ns a frame.
class PageCounts {
 public:
  static Result<PageCounts> open(const Tree& procfs);

  /// The counts of the frames from `frame` on.
  Result<std::size_t> read(std::uint64_t frame, std::span<std::uint64_t> counts) const;

 private:
  PageCounts(FileDescriptor file, std::string path, std::shared_ptr<SystemCalls> calls)
      : file_(std::move(file)), path_(std::move(path)), calls_(std::move(calls)) {}
  FileDescriptor file_;
  std::string path_;
  std::shared_ptr<SystemCalls> calls_;
};

/// Whether this process may see which page frames others use, and how often each is mapped: asked
/// of its own pagemap (CAP_SYS_ADMIN in the first user namespace) and kpagecount. False too where
/// the kernel has no PAGEMAP_SCAN, without which holes are dear, or pages of another size (arm64
/// and others with 16 or 64 KiB), in which no address or figure here would be right.
Result<bool> can_count_page_mappings(const Tree& procfs,
                                     std::uint64_t size_of_pages = kernel_page_size());

}  // namespace memory_exporter::procfs
