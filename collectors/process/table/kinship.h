#pragma once

#include <sys/types.h>

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "collectors/process/facts/process.h"
#include "collectors/process/table/memory_order.h"
#include "collectors/process/table/vfork_wait.h"
#include "collectors/procfs/reader.h"

namespace memory_exporter::process {

/// Which processes are on one mm, so that its memory is counted once.
///
/// Processes come to one mm by clone(2) with CLONE_VM and without CLONE_THREAD: vfork and
/// posix_spawn until the exec, and whatever runs processes as threads. They leave it by exec or
/// exit. Only one that has not exec'd since its clone (stat's PF_FORKNOEXEC, readable to everyone)
/// can be on memory that another made.
///
/// Where kcmp(2) answers, all of them are found, whosever children they are and whether or not the
/// maker still lives: every process is asked once where it stands among all mms, with
/// log2(processes) comparisons of 0.4 us. Later refreshes cost nothing for a process on memory of
/// its own, and one comparison for each that shares.
///
/// Where kcmp does not answer, a child that has not left vfork is known by VforkWait; asked once of
/// each forked process, and in each refresh while it lasts. Nothing else is ever taken for shared.
/// What looks as if it might be is counted in full and in unknown().
///
/// Of a new process with its parent's VmPeak and VmExe, stat and status are read once more: see
/// find().
class Kinship {
 public:
  using Processes = std::unordered_map<pid_t, Process>;

  Kinship(const procfs::Tree& procfs, CompareMemory compare)
      : compare_(std::move(compare)), vfork_wait_(procfs) {}

  /// Before a refresh. Keeps what has been read of shared memory, for whoever owns it after it.
  void keep_readings(const Processes& processes);

  /// After each process has been read. Returns those that must be read once more: a vfork child may
  /// have exec'd since, and the figures read of it are then its parent's.
  std::vector<pid_t> find(Processes& processes);

  /// After that. Names an owner for all memory that is shared: the oldest, and another one once
  /// that has ended or cannot be read, with the PSS and mappings that were read of the first.
  void settle(Processes& processes);

  /// The walks have found that a process is no more.
  void end(Process& process, Processes& processes);

  /// Processes that are counted in full, and may be on the memory of another that is as well.
  std::uint64_t unknown() const { return unknown_; }

 private:
  void look_over(Processes& processes);
  void check_sharers(Processes& processes);
  void forget_gone(const Processes& processes);
  void place(Process& process, Processes& processes);
  void insert_beside(const Process& process, pid_t other);
  MemoryOrder compare(const Process& a, const Process& b) const;
  void ask_vfork(Process& child, Processes& processes);
  void check_vfork(Process& child, Processes& processes);
  void join(Process& process, Process& other, Processes& processes);
  static void leave(Process& process);
  void choose_owners(Processes& processes);

  const CompareMemory compare_;
  VforkWait vfork_wait_;
  std::vector<pid_t> order_;         ///< all that can be compared, by their mms
  std::vector<pid_t> sharers_;       ///< all that share, in this refresh
  std::vector<Process*> newcomers_;  ///< in find() alone
  std::vector<Process*> forked_;     ///< likewise
  std::vector<pid_t> moved_on_;      ///< likewise: what find() returns
  std::uint64_t unknown_ = 0;
};

}  // namespace memory_exporter::process
