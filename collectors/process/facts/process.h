#pragma once

#include <sys/types.h>

#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "collectors/base/bytes.h"
#include "collectors/process/facts/clock.h"
#include "collectors/process/facts/readings.h"
#include "collectors/procfs/reader.h"
#include "collectors/procfs/status.h"

namespace memory_exporter::process {

class GroupState;

/// A process over its whole life. A pid alone is reused; with the start time it is not.
struct ProcessId {
  pid_t pid = 0;
  std::uint64_t start_time = 0;  ///< ticks after boot
  auto operator<=>(const ProcessId&) const = default;
};

/// What a process is running. Another image in the same process is an exec. The addresses are real
/// only with ptrace access (else 0 or 1), so the name stands beside them.
struct Image {
  std::uint64_t start_code = 0;
  std::uint64_t start_stack = 0;
  std::string comm;
  bool operator==(const Image&) const = default;
  /// The same but for the name: a thread that renames itself has not exec'd.
  bool same_program(const Image& other) const {
    return start_code == other.start_code && start_stack == other.start_stack;
  }
};

/// The file a process executes: those that run the same one share its pages.
using ExecutableId = procfs::FileId;

/// Memory that several processes are on (table/kinship.h).
struct SharedMemory;

/// Whether it has been found out, with kcmp(2), which others are on a process's memory.
enum class Compared : std::uint8_t {
  unasked,  ///< it is new here, or has exec'd
  done,     ///< it was held against all others that may be compared
  refused,  ///< it may not be compared
};

/// Whose memory a process is on; kinship's alone to set. Sharing is fixed at clone, so all of it
/// holds until the process execs or ends.
struct Kin {
  Compared compared = Compared::unasked;
  /// No thread of its parent's waits for it in vfork, so that it is on its parent's memory by a
  /// bare CLONE_VM, or not at all.
  bool no_vfork_child = false;
  pid_t waiting_thread = 0;              ///< or that thread, where kcmp had no answer
  std::shared_ptr<SharedMemory> shared;  ///< null: on memory of its own, for all that is known
};

/// What is known of one user process; kernel threads are counted, not kept. One that has ended and
/// waits for its parent (a zombie) stays in the table, so that its faults are not counted again.
struct Process {
  ProcessId id;
  std::uint64_t inode = 0;  ///< of /proc/PID, as it was listed when stat was read
  pid_t parent = 0;
  pid_t memory_thread = 0;  ///< the thread to read memory through; pid unless the leader has exited
  Image image;
  bool ended = false;       ///< no memory any more
  bool zombie = false;      ///< nor any pages on their way out
  bool unreadable = false;  ///< in this refresh: it is listed, and cannot be counted
  bool missed = false;      ///< its files were gone then, so that it has probably ended
  std::uint64_t threads = 0;
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
  procfs::ProcessStatus status;
  std::optional<std::uint64_t> oom_score;  ///< where asked for
  std::optional<ExecutableId> executable;
  bool executable_sought = false;  ///< since it began to run this image

  /// Its cgroup as a label, empty where it has none; null: never read. Most children share their
  /// parent's copy.
  std::shared_ptr<const std::string> cgroup;
  Clock::time_point cgroup_read{};  ///< the epoch: to be read anew
  unsigned cgroup_failures = 0;     ///< reads of it in a row that told nothing

  /// Whose sums it is in; grouping's alone to set. The table makes it null where the process has
  /// another name or cgroup than before.
  GroupState* group = nullptr;
  std::uint64_t counted_minor_faults = 0;  ///< those that a group has been given
  std::uint64_t counted_major_faults = 0;

  /// It has not exec'd since its clone: only then can it be on memory that another one made, as
  /// between vfork and exec.
  bool forked = false;
  bool memory_moved = false;  ///< status says something else of its memory than one refresh before
  Kin kin;
  /// Which other process its memory is counted with.
  std::optional<pid_t> memory_owner;

  Readings readings;
  bool stuck = false;  ///< a read of it, in any lane, has not come back
  /// How many processes run this executable, this one among them: its pages are divided by about so
  /// many.
  std::uint64_t sharers = 0;
  /// When its parent or a child, with the same executable and so with a copy of its memory, was
  /// last seen to come, exec or go: any of its pages may count for less or more.
  Clock::time_point relatives_changed{};

  Clock::time_point first_seen{};
  std::uint64_t last_seen = 0;  ///< number of the refresh that listed it

  Bytes resident() const { return status.resident.value_or(Bytes{}); }
  Bytes swap() const { return status.swap.value_or(Bytes{}); }
  std::uint64_t faults() const { return minor_faults + major_faults; }
  Figures figures() const { return {resident(), swap(), faults(), sharers}; }
};

}  // namespace memory_exporter::process
