#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "collectors/base/result.h"
#include "collectors/procfs/maps.h"
#include "collectors/procfs/smaps_rollup.h"

namespace memory_exporter::procfs {

/// What /proc/PID/smaps says of one VMA.
struct SmapsEntry {
  Vma vma;
  /// Its figures; Pss_Anon, Pss_File and Pss_Shmem exist for the whole process only. Pss is cut off
  /// to whole KiB in each entry, so that a sum lacks up to 1 KiB a VMA; the rest is exact.
  SmapsRollup memory;
  /// VmFlags (3.8): two-letter codes with a blank between them, such as "rd wr mr mw me ac".
  std::string_view flags;
  /// Figures that no machine can hold, which are absent: a sum without them would be too small.
  SmapsFieldSet unknown{};

  /// Whether the kernel printed a flag: "ht" hugetlb, "io" and "pf" device memory, "nh" no THP...
  bool has_flag(std::string_view code) const {
    for (auto rest = flags; rest.size() >= 2; rest.remove_prefix(3)) {
      if (rest.substr(0, 2) == code) return true;
      if (rest.size() < 3) return false;
    }
    return false;
  }
};

/// Reads /proc/PID/smaps piece by piece (kernel: fs/proc/task_mmu.c, show_smap). Needs ptrace
/// access, and walks the page tables like smaps_rollup; some 2.5 us a VMA beside the pages, 0.7 KB
/// of text a VMA. Parsing costs 0.15-0.2 us a VMA, and nothing is kept of one after its visit.
///
/// As with maps, neighbours may be from slightly different moments, and a process without memory
/// has an empty file. [vsyscall] has an entry, with nothing resident.
class SmapsParser {
 public:
  /// Calls `visit(const SmapsEntry&)` for each whole entry of `text` and returns the bytes it took;
  /// the rest belongs in front of the next piece. `last`: nothing follows, so what is there is
  /// whole. Unknown lines within an entry are passed over; a known one without "N kB" is malformed.
  template <typename Visit>
  Result<std::size_t> parse(std::string_view text, bool last, Visit&& visit) {
    auto rest = text;
    while (!rest.empty()) {
      switch (take_entry(rest, last)) {
        case Taken::entry:
          visit(static_cast<const SmapsEntry&>(entry_));
          break;
        case Taken::part:
          return text.size() - rest.size();
        case Taken::malformed:
          return malformed("expected a mapping with its \"Key: N kB\" lines", line_);
      }
    }
    return text.size();
  }

 private:
  enum class Taken { entry, part, malformed };

  /// Fills entry_ from the front of `text`. Where the entry is not all there (`part`), text and the
  /// count of lines stay as they were.
  Taken take_entry(std::string_view& text, bool last);

  SmapsEntry entry_;
  int line_ = 0;
};

/// The same for a text that is there as a whole.
template <typename Visit>
Status for_each_smaps_entry(std::string_view text, Visit&& visit) {
  const auto taken = SmapsParser().parse(text, true, visit);
  if (!taken) return taken.error();
  return Done{};
}

}  // namespace memory_exporter::procfs
