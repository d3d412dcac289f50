#pragma once

#include <optional>
#include <string_view>

#include "collectors/procfs/bytes.h"
#include "collectors/procfs/result.h"

namespace memory_exporter::procfs {

/// /proc/PID/smaps_rollup (kernel 4.14: fs/proc/task_mmu.c, show_smaps_rollup), and the sums of
/// smaps where there is none. Needs ptrace access. This is the dear one: the kernel walks the page
/// tables, 9-12 ms per GiB of resident 4 KiB pages, and the target's mmap/munmap wait for it.
///
/// A field the kernel does not print stays absent. A process without memory (a kernel thread, a
/// zombie) answers with ESRCH or, before 4.19, with an empty text: then every field is absent.
struct SmapsRollup {
  std::optional<Bytes> resident;         ///< Rss
  std::optional<Bytes> pss;              ///< Pss
  std::optional<Bytes> pss_dirty;        ///< Pss_Dirty (6.0)
  std::optional<Bytes> pss_anon;         ///< Pss_Anon (5.3; smaps_rollup only)
  std::optional<Bytes> pss_file;         ///< Pss_File
  std::optional<Bytes> pss_shmem;        ///< Pss_Shmem
  std::optional<Bytes> shared_clean;     ///< Shared_Clean
  std::optional<Bytes> shared_dirty;     ///< Shared_Dirty
  std::optional<Bytes> private_clean;    ///< Private_Clean
  std::optional<Bytes> private_dirty;    ///< Private_Dirty
  std::optional<Bytes> referenced;       ///< Referenced
  std::optional<Bytes> anonymous;        ///< Anonymous
  std::optional<Bytes> ksm;              ///< KSM (6.8)
  std::optional<Bytes> lazy_free;        ///< LazyFree (4.12)
  std::optional<Bytes> anon_huge;        ///< AnonHugePages
  std::optional<Bytes> shmem_huge;       ///< ShmemPmdMapped
  std::optional<Bytes> file_huge;        ///< FilePmdMapped (5.4)
  std::optional<Bytes> shared_hugetlb;   ///< Shared_Hugetlb: in neither Rss, Pss nor Private_*
  std::optional<Bytes> private_hugetlb;  ///< Private_Hugetlb: likewise
  std::optional<Bytes> swap;             ///< Swap: swapped shared memory included
  std::optional<Bytes> swap_pss;         ///< SwapPss: swapped shared memory not included
  std::optional<Bytes> locked;           ///< Locked

  /// USS: what would come back if this process alone went away.
  std::optional<Bytes> uss() const {
    if (!private_clean || !private_dirty) return std::nullopt;
    return *private_clean + *private_dirty;
  }
};

/// Unknown keys are passed over; a known key without "N kB" is malformed, with its line, and so is
/// a text whose last line was cut short. Several entries (a smaps) add up.
Result<SmapsRollup> parse_smaps_rollup(std::string_view text);

/// Adds one process's figures to the sum of others. A field that is absent on either side has no
/// sum: it becomes absent.
void add_complete(SmapsRollup& sum, const SmapsRollup& rollup);

}  // namespace memory_exporter::procfs
