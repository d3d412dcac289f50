#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collectors/base/bytes.h"
#include "collectors/base/result.h"
#include "collectors/base/text.h"
#include "collectors/procfs/lines.h"

namespace memory_exporter::procfs {

/// The file behind a mapping, as maps names it: the same wherever it is mapped, and after it has
/// been renamed or removed. To be compared with other mappings only: stat(2) may tell another
/// device of the same file (btrfs, overlayfs).
struct MappedFile {
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::uint64_t inode = 0;
  bool operator==(const MappedFile&) const = default;
};

/// One virtual memory area: a line of /proc/PID/maps, and the head of an entry of smaps.
struct Vma {
  std::uint64_t start = 0;
  std::uint64_t end = 0;  ///< the first byte behind it
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool shared = false;       ///< MAP_SHARED; otherwise private, copied on write
  std::uint64_t offset = 0;  ///< into the file, in bytes
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::uint64_t inode = 0;  ///< 0: no file (but SYSV shared memory may have segment 0)
  /// As the kernel prints it, empty for plain anonymous memory: the file's path with a newline as
  /// "\012", with " (deleted)" behind it once the file is gone from its directory (which cannot be
  /// told from a file of that very name); or a name such as "[heap]" or "anon_inode:[io_uring]".
  std::string_view path;

  Bytes size() const { return Bytes{end - start}; }
  MappedFile file() const { return {device_major, device_minor, inode}; }
  bool accessible() const { return readable || writable || executable; }

  /// The kernel's own page, printed behind the mappings of every process: no VMA, and neither
  /// VmSize nor vm.max_map_count counts it. [vsyscall] on x86-64, [vectors] on 32-bit arm. (In a
  /// 32-bit process of an arm64 kernel [vectors] is a mapping like any other.)
  bool is_gate() const {
#ifndef __aarch64__
    if (path == "[vectors]") return true;
#endif
    return path == "[vsyscall]";
  }
};

/// One line of maps, without its newline. False for any other form.
bool parse_vma(std::string_view line, Vma& vma);

/// Reads /proc/PID/maps piece by piece (kernel: fs/proc/task_mmu.c, show_map_vma). Needs ptrace
/// access. Reading costs some 0.3-1 us a VMA, parsing 0.06 us; nothing is kept of a VMA once its
/// visit is over, so 60,000 of them need no more memory than one.
///
/// The kernel hands a large file out a page at a time and lets go of the address space in between,
/// so neighbours may be from slightly different moments, and one that grew meanwhile may overlap
/// the next. A process without memory has an empty file.
///
/// What is_gate() is printed but is no VMA of the process.
class MapsParser {
 public:
  /// Calls `visit(const Vma&)` for each whole line of `text` and returns the bytes it took; the
  /// rest belongs in front of the next piece. `last`: nothing follows, so a rest is malformed.
  template <typename Visit>
  Result<std::size_t> parse(std::string_view text, bool last, Visit&& visit) {
    constexpr const char* form = "expected \"start-end rwxp offset major:minor inode path\"";
    return take_whole_lines(text, last, line_, form, [&](std::string_view line) {
      if (!parse_vma(line, vma_)) return false;
      visit(static_cast<const Vma&>(vma_));
      return true;
    });
  }

 private:
  Vma vma_;
  int line_ = 0;
};

/// The same for a text that is there as a whole.
template <typename Visit>
Status for_each_vma(std::string_view text, Visit&& visit) {
  const auto taken = MapsParser().parse(text, true, visit);
  if (!taken) return taken.error();
  return Done{};
}

}  // namespace memory_exporter::procfs
