#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "collectors/process/facts/process.h"
#include "collectors/process/facts/settings.h"
#include "collectors/process/facts/snapshot.h"
#include "collectors/process/table/charged_cgroups.h"
#include "collectors/process/table/kinship.h"
#include "collectors/process/table/memory_order.h"
#include "collectors/procfs/reader.h"
#include "collectors/procfs/stat.h"

namespace memory_exporter::process {

/// The processes of one procfs, from one refresh to the next.
class ProcessTable {
 public:
  struct Options {
    bool read_cgroups;  ///< whether anybody asks for them: 9 us a process once in a max_age
    /// What is known of a process is found out anew after this long, its cgroup above all:
    /// container runtimes move a process about.
    std::chrono::nanoseconds max_age;
    CompareMemory compare_memory;
    FindCgroups find_cgroups = {};   ///< as in MonitorOptions
    MayHang may_hang = do_and_wait;  ///< likewise
  };

  /// The processes that are counted only.
  struct Others {
    std::uint64_t kernel = 0;
    std::uint64_t denied = 0;           ///< their stat or status was refused (hidepid=1)
    bool hidden = false;                ///< as in ProcessCounts
    std::uint64_t sharing_unknown = 0;  ///< likewise; in the table as well
  };

  /// The tree must outlive the table.
  ProcessTable(const procfs::Tree& procfs, Options options);

  /// As in Options, in force from the next refresh on.
  void want(bool cgroups, std::chrono::nanoseconds max_age) {
    options_.read_cgroups = cgroups;
    options_.max_age = max_age;
  }

  /// Lists the procfs and reads status of every process (14 us) and stat (9 us) of those that may
  /// have run since the last refresh. A process that vanishes on the way is dropped; one that
  /// cannot be read is left out of this refresh; a file that is missing while its process is there
  /// leaves its values absent.
  ///
  /// Fails where the root cannot be listed and where the exporter's own descriptors or memory run
  /// out, which says nothing of the process at hand: no process is dropped or judged then, and the
  /// next refresh goes on from what was known.
  Status refresh(Clock::time_point now, Extras extras = Extras::none);

  std::unordered_map<pid_t, Process>& processes() { return processes_; }

  /// The process, if it is there and has not exec'd: what a read took of its memory's time is its.
  Process* find_program(const ProcessId& id, const Image& image);

  /// The process, if it is there and still runs that image.
  Process* find(const ProcessId& id, const Image& image);

  /// The same question put to the kernel now (one stat, about 8 us). An error where it cannot tell.
  Result<bool> still_runs(const ProcessId& id, const Image& image);

  /// The process has ended since the refresh. What it shared is counted with another.
  void end(Process& process) { kinship_.end(process, processes_); }

  const Others& others() const { return others_; }

  void count_error(std::string_view file, ErrorKind reason) { ++read_errors_[{file, reason}]; }
  const std::map<ReadErrorKey, std::uint64_t>& read_errors() const { return read_errors_; }

 private:
  /// A start, an exec or an end: what it shared, others now share with fewer or more.
  struct Change {
    pid_t pid;
    pid_t parent;
    std::optional<ExecutableId> executable;
  };

  /// A process's cgroup, as a name in the tree.
  struct FoundCgroup {
    std::string path;     ///< empty: none
    bool certain = true;  ///< else as much of it as could be found out
  };

  Status refresh_process(const procfs::ListedProcess& listed);
  Process* find_rested(const procfs::ListedProcess& listed, const procfs::ProcessStatus& status);
  bool is_current(const Process& process) const;
  bool is_kernel_thread(const procfs::ListedProcess& listed) const;
  void forget_what_may_have_changed();
  Process& identify(pid_t pid, const procfs::Stat& stat);
  Status find_cgroups();
  Result<CgroupPlaces> search_cgroups();
  void open_cgroups();
  void name_cgroups_anew();
  Status find_executable(Process& process);
  Status miss(pid_t pid, std::string_view file, const Error& error);
  Status read_memory(Process& process, procfs::ProcessStatus&& of_leader, bool leader_has_memory);
  Status read_through_threads(Process& process);
  Result<bool> is_there(const ProcessId& id);
  Result<std::optional<procfs::Stat>> stat_now(const ProcessId& id);
  Result<procfs::ProcessStatus> read_status(pid_t pid, pid_t thread);
  Status read_oom_score(Process& process);
  Status find_cgroup(Process& process);
  void keep_cgroup(Process& process, std::string label);
  Result<FoundCgroup> read_cgroup(const Process& process);
  Result<FoundCgroup> charged_cgroup(const std::string& path);
  Result<std::size_t> look_for_charged(const std::string& path);
  void drop_unseen();
  void note_change(const Process& process);
  void find_sharers();
  void mark_relatives();
  Status find_kin();
  Status read_again(pid_t pid);
  static void keep_status(Process& process, procfs::ProcessStatus&& status);
  void count_failure(std::string_view file, const Error& error);

  const procfs::Tree& procfs_;
  Options options_;

  procfs::Buffer buffer_;
  std::optional<CgroupPlaces> cgroup_places_;  ///< nothing: not known yet
  struct CgroupSearch;
  std::shared_ptr<CgroupSearch> search_;             ///< for them, under way
  unsigned search_failures_ = 0;                     ///< searches in a row that failed
  Clock::time_point searched_{};                     ///< when the last one began
  std::shared_ptr<ChargedCgroups> charged_cgroups_;  ///< shared with a look that hangs
  std::vector<procfs::ListedProcess> listed_;
  std::unordered_map<pid_t, Process> processes_;
  Kinship kinship_;
  std::unordered_map<pid_t, std::uint64_t> kernel_threads_;  ///< their inodes
  Clock::time_point forgotten_{};  ///< when what holds for a while was last forgotten
  std::vector<Change> changes_;    ///< since the last refresh that was completed
  Others others_;
  std::map<ReadErrorKey, std::uint64_t> read_errors_;
  std::uint64_t refresh_number_ = 0;
  Extras extras_ = Extras::none;  ///< of the refresh under way
  Clock::time_point refreshed_{};
};

}  // namespace memory_exporter::process
