#pragma once

#include <bitset>
#include <optional>
#include <string_view>

#include "collectors/base/bytes.h"
#include "collectors/base/result.h"
#include "collectors/procfs/parsed.h"

namespace memory_exporter::procfs {

/// /proc/PID/smaps_rollup (kernel 4.14: fs/proc/task_mmu.c, show_smaps_rollup), and the sums of
/// smaps where there is none. Needs ptrace access. This is the dear one: the kernel walks the page
/// tables, 9-12 ms per GiB of resident 4 KiB pages, and the target's mmap/munmap wait for it.
///
/// A field the kernel does not print stays absent. A process without memory (a kernel thread, a
/// zombie) answers with ESRCH or, before 4.19, with an empty text: then every field is absent.
struct SmapsRollup {
  OptionalBytes resident;         ///< Rss
  OptionalBytes pss;              ///< Pss
  OptionalBytes pss_dirty;        ///< Pss_Dirty (6.0)
  OptionalBytes pss_anon;         ///< Pss_Anon (5.3; smaps_rollup only)
  OptionalBytes pss_file;         ///< Pss_File
  OptionalBytes pss_shmem;        ///< Pss_Shmem
  OptionalBytes shared_clean;     ///< Shared_Clean
  OptionalBytes shared_dirty;     ///< Shared_Dirty
  OptionalBytes private_clean;    ///< Private_Clean
  OptionalBytes private_dirty;    ///< Private_Dirty
  OptionalBytes referenced;       ///< Referenced
  OptionalBytes anonymous;        ///< Anonymous
  OptionalBytes ksm;              ///< KSM (6.8)
  OptionalBytes lazy_free;        ///< LazyFree (4.12)
  OptionalBytes anon_huge;        ///< AnonHugePages
  OptionalBytes shmem_huge;       ///< ShmemPmdMapped
  OptionalBytes file_huge;        ///< FilePmdMapped (5.4)
  OptionalBytes shared_hugetlb;   ///< Shared_Hugetlb: in neither Rss, Pss nor Private_*
  OptionalBytes private_hugetlb;  ///< Private_Hugetlb: likewise
  OptionalBytes swap;             ///< Swap: swapped shared memory included
  OptionalBytes swap_pss;         ///< SwapPss: swapped shared memory not included
  OptionalBytes locked;           ///< Locked

  /// USS: what would come back if this process alone went away.
  OptionalBytes uss() const {
    if (!private_clean || !private_dirty) return std::nullopt;
    return *private_clean + *private_dirty;
  }
};

/// Adds one mapping's figures to the sum over a process. A field that a mapping lacks adds nothing.
/// False where a figure would wrap, which is then left as it was.
bool add_known(SmapsRollup& sum, const SmapsRollup& mapping);

/// Some of the figures, by their place in smaps_fields (see smaps_fields.h).
using SmapsFieldSet = std::bitset<32>;

/// Makes these figures of a sum absent.
void leave_absent(SmapsRollup& sum, const SmapsFieldSet& fields);

/// Unknown keys are passed over. A known key without "N kB" leaves its figure absent and is noted
/// in `skipped` where that is given; Rss or Pss without it is malformed, with its line, and so is a
/// text whose last line was cut short, or that has no known key. Several entries (a smaps) add
/// up; a field of which an entry or the sum is more than a machine can hold stays absent.
Result<SmapsRollup> parse_smaps_rollup(std::string_view text, Skipped* skipped = nullptr);

/// Adds one process's figures to the sum of others. A field that is absent on either side has no
/// sum: it becomes absent.
void add_complete(SmapsRollup& sum, const SmapsRollup& rollup);

}  // namespace memory_exporter::procfs
