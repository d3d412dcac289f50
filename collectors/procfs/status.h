#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "collectors/base/bytes.h"
#include "collectors/base/result.h"
#include "collectors/procfs/parsed.h"

namespace memory_exporter::procfs {

/// The memory fields of /proc/PID/status (kernel: fs/proc/array.c, proc_pid_status, and
/// fs/proc/task_mmu.c, task_mem). Readable without privileges; about 14 us to read, 1 us to parse.
///
/// All Vm*, Rss* fields are absent for a kernel thread and for a zombie: they have no mm. The
/// resident split is approximate before the fix of 2025: up to kernel 6.1 each thread holds back
/// its last 63 faults or fewer, from 6.2 each CPU a batch.
///
/// A figure that wrapped below 0 (VmLib before 4.15, where the program's text was moved) is absent,
/// and so is one that no machine can hold (see plausible.h).
struct ProcessStatus {
  OptionalBytes virtual_peak;    ///< VmPeak
  OptionalBytes virtual_size;    ///< VmSize
  OptionalBytes locked;          ///< VmLck
  OptionalBytes pinned;          ///< VmPin (3.2)
  OptionalBytes resident_peak;   ///< VmHWM
  OptionalBytes resident;        ///< VmRSS = RssAnon + RssFile + RssShmem
  OptionalBytes resident_anon;   ///< RssAnon (4.5)
  OptionalBytes resident_file;   ///< RssFile (4.5)
  OptionalBytes resident_shmem;  ///< RssShmem (4.5)
  /// VmRSS of a process whose status does not have all three of them; they are then absent. Of a
  /// sum: of such processes, so that no page is in two of these figures.
  OptionalBytes resident_unsplit;
  OptionalBytes data;                    ///< VmData
  OptionalBytes stack;                   ///< VmStk
  OptionalBytes text;                    ///< VmExe
  OptionalBytes library;                 ///< VmLib
  OptionalBytes page_tables;             ///< VmPTE, from 4.0 to 4.14 + VmPMD
  OptionalBytes swap;                    ///< VmSwap: anonymous pages only (2.6.34)
  OptionalBytes hugetlb;                 ///< HugetlbPages (4.4): in no other figure
  std::optional<std::uint64_t> uid;      ///< Uid, the effective one (second of four)
  std::optional<std::uint64_t> threads;  ///< Threads
  std::optional<pid_t> parent;           ///< PPid
  char state = '?';                      ///< State: R S D T t Z X I, of the thread read
  /// voluntary_ctxt_switches + nonvoluntary_ctxt_switches of the thread read: as long as the sum
  /// stays and the state is not R, that thread has not run.
  std::optional<std::uint64_t> switches;

  /// Whether it says anything of an mm.
  bool has_memory() const { return virtual_size || resident || resident_anon || data; }
  bool is_resting() const { return state == 'S' || state == 'D' || state == 'T' || state == 't'; }
};

/// Unknown keys are passed over (kernels add them). A known key whose value has another form leaves
/// that figure absent, because it says nothing of the others, and is noted in `skipped` where that
/// is given. Malformed is a text whose last line was cut short. A missing VmRSS is the sum of its
/// three parts, as the kernel makes it.
Result<ProcessStatus> parse_status(std::string_view text, Skipped* skipped = nullptr);

/// Adds one process's figures to a sum; the two peaks, which cannot be added, keep the largest.
/// What is no amount of memory is left alone.
void add(ProcessStatus& sum, const ProcessStatus& status);

}  // namespace memory_exporter::procfs
