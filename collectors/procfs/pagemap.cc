#include "collectors/procfs/pagemap.h"

#include <sys/ioctl.h>

#include <array>
#include <cerrno>

namespace memory_exporter::procfs {
namespace {

/// include/uapi/linux/fs.h of kernel 6.7; older headers do not have it.
struct ScanArguments {
  std::uint64_t size;
  std::uint64_t flags;
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t walk_end;
  std::uint64_t runs;
  std::uint64_t run_count;
  std::uint64_t most_pages;
  std::uint64_t category_inverted;
  std::uint64_t category_mask;
  std::uint64_t category_any_of;
  std::uint64_t return_mask;
};
static_assert(sizeof(ScanArguments) == 96);
static_assert(sizeof(PageRun) == 24);
constexpr auto pagemap_scan = _IOWR('f', 16, ScanArguments);

constexpr std::uint64_t category_present = 1 << 3;
constexpr std::uint64_t category_huge = 1 << 6;

/// Whole 64-bit words at a word offset.
Result<std::size_t> read_words(SystemCalls& calls, int file, const std::string& path,
                               std::uint64_t word, void* to, std::size_t count) {
  while (true) {
    const auto got = calls.pread(file, to, count * 8, static_cast<off_t>(word * 8));
    if (got >= 0) return static_cast<std::size_t>(got) / 8;
    if (errno != EINTR) return error_of(errno, path);
  }
}

}  // namespace

Result<Pagemap> Pagemap::open(const Tree& procfs, const char* relative) {
  auto file = procfs.open_file(relative);
  if (!file) return file.error();
  return Pagemap(std::move(*file), procfs.path() + '/' + relative, procfs.calls());
}

Result<Pagemap::Scanned> Pagemap::scan(std::uint64_t start, std::uint64_t end,
                                       std::uint64_t most_pages, std::span<PageRun> runs) const {
  ScanArguments arguments{};
  arguments.size = sizeof arguments;
  arguments.start = start;
  arguments.end = end;
  arguments.runs = reinterpret_cast<std::uintptr_t>(runs.data());
  arguments.run_count = runs.size();
  arguments.most_pages = most_pages;
  arguments.category_mask = category_present;
  arguments.return_mask = category_present | category_huge;
  int found = 0;
  do {
    found = calls_->ioctl(file_.get(), pagemap_scan, &arguments);
  } while (found < 0 && errno == EINTR);
  if (found < 0) return error_of(errno, path_);
  return Scanned{static_cast<std::size_t>(found), arguments.walk_end};
}

Result<std::size_t> Pagemap::read(std::uint64_t address, std::span<PagemapEntry> entries) const {
  return read_words(*calls_, file_.get(), path_, address / page_size, entries.data(),
                    entries.size());
}

Result<PageCounts> PageCounts::open(const Tree& procfs) {
  auto file = procfs.open_file("kpagecount");
  if (!file) return file.error();
  return PageCounts(std::move(*file), procfs.path() + "/kpagecount", procfs.calls());
}

Result<std::size_t> PageCounts::read(std::uint64_t frame, std::span<std::uint64_t> counts) const {
  return read_words(*calls_, file_.get(), path_, frame, counts.data(), counts.size());
}

std::uint64_t kernel_page_size() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

Result<bool> can_count_page_mappings(const Tree& procfs, std::uint64_t size_of_pages) {
  if (size_of_pages != page_size) return false;
  const auto counts = PageCounts::open(procfs);
  const auto pagemap = Pagemap::open(procfs, "self/pagemap");
  for (const auto* error :
       {counts ? nullptr : &counts.error(), pagemap ? nullptr : &pagemap.error()}) {
    if (error != nullptr && error->kind != ErrorKind::vanished &&
        error->kind != ErrorKind::denied) {
      return *error;
    }
  }
  if (!counts || !pagemap) return false;
  std::array<PagemapEntry, 1> own;
  const auto address = reinterpret_cast<std::uintptr_t>(own.data());
  const auto got = pagemap->read(address, own);
  if (!got || *got != 1 || !own[0].present() || own[0].frame() == 0) return false;
  std::array<PageRun, 1> run;
  const auto page = address / page_size * page_size;
  return pagemap->scan(page, page + page_size, 1, run).ok();
}

}  // namespace memory_exporter::procfs
