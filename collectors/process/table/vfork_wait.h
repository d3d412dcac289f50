#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <unordered_map>
#include <vector>

#include "collectors/process/facts/process.h"
#include "collectors/procfs/reader.h"

namespace memory_exporter::process {

/// Tells, without any privilege, that a child is on its parent's memory because it has not yet left
/// vfork(2) or posix_spawn(3): all of this at once, which an ordinary child shows by an accident at
/// most, and not for long.
///   - The very thread that made the child (/proc/PID/task/TID/children) sleeps in state D and is
///     not switched in between two looks. (kernel: kernel/fork.c, wait_for_vfork_done.)
///   - In between the child has not exec'd, and each figure of its memory is its parent's.
///   - It has not taken the page faults that a copy takes: fork copies no pages of files that
///     nobody wrote to, and one fault brings in 64 KiB at most (mm/memory.c, vma_needs_copy and
///     do_fault_around).
/// A parent that is found awake while its child still has not exec'd did not vfork it: a mistake
/// lasts for one refresh.
class VforkWait {
 public:
  enum class Answer {
    waits,
    does_not_wait,
    child_moved_on,  ///< it has exec'd or ended
    unknown,         ///< too many threads to look through
  };

  explicit VforkWait(const procfs::Tree& procfs) : procfs_(procfs) {}

  /// Another refresh: what was seen of threads is forgotten.
  void begin();

  /// Five files, some 60 us; where the parent has more threads, stat of each of them besides (8
  /// us), once in a refresh. `thread` is the one to look at where it is not 0, and then the one
  /// that waits.
  Answer ask(const Process& parent, const Process& child, pid_t& thread);

 private:
  struct Sleeper {
    pid_t thread;
    std::optional<std::vector<pid_t>> children;  ///< nothing: the kernel keeps no such list
  };
  using Sleepers = std::vector<Sleeper>;

  /// Of all processes in one refresh. One with more has its children counted in full.
  static constexpr std::size_t most_threads = 2048;

  const Sleepers* sleepers_of(const Process& process);
  std::optional<Sleepers> find_sleepers(const Process& process);
  bool is_asleep(pid_t pid, pid_t thread);
  std::optional<std::vector<pid_t>> children_of(pid_t pid, pid_t thread);
  std::optional<procfs::ProcessStatus> status_of(pid_t pid, pid_t thread);
  Answer look(const Process& parent, const Process& child, pid_t thread);

  const procfs::Tree& procfs_;
  procfs::Buffer buffer_;
  std::size_t threads_left_ = most_threads;
  std::unordered_map<pid_t, std::optional<Sleepers>> sleepers_;
};

}  // namespace memory_exporter::process
