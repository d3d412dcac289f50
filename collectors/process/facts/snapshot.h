#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/bytes.h"
#include "collectors/base/result.h"
#include "collectors/process/facts/dimension.h"
#include "collectors/process/facts/mapping_totals.h"
#include "collectors/procfs/smaps_rollup.h"
#include "collectors/procfs/status.h"

namespace memory_exporter::process {

/// Why resident memory has no PSS sample behind it.
enum class Unmeasured {
  pending,  ///< not sampled yet: its whole RSS
  denied,   ///< the kernel refuses the read: its whole RSS
  stale,    ///< sampled, and grown since: the growth
  stuck,    ///< a read that has not come back, whatever was sampled before: its whole RSS
  /// The kernel has neither smaps_rollup nor smaps (CONFIG_PROC_PAGE_MONITOR, sandboxes): its whole
  /// RSS, for ever.
  unsupported,
};
inline constexpr std::array unmeasured_reasons = {Unmeasured::pending, Unmeasured::denied,
                                                  Unmeasured::stale, Unmeasured::stuck,
                                                  Unmeasured::unsupported};
std::string_view to_string(Unmeasured reason);

/// How near the worst process of a group is to each of its limits; absent where none has one.
struct LimitUsage {
  std::optional<double> stack;
  std::optional<double> data;
  std::optional<double> address_space;
  std::optional<double> locked;
};

/// What the mappings of a group are. Sums over the processes whose smaps has been read.
struct MappingSums {
  std::optional<MappingTotals> totals;  ///< nothing where none has
  Bytes unmeasured;                     ///< resident memory of those that have not been read
  std::optional<double> oldest_seconds;
};

/// The sums over one group's processes. A field that no process gave is absent, never 0.
struct GroupTotals {
  std::uint64_t processes = 0;
  std::uint64_t threads = 0;
  std::uint64_t address_spaces = 0;  ///< processes that have memory of their own
  procfs::ProcessStatus status;      ///< sums, but resident_peak and virtual_peak: largest
  procfs::SmapsRollup memory;        ///< sums over the samples, each taken at its own age
  OptionalBytes uss;                 ///< sum over the samples
  OptionalBytes swap_shmem;          ///< sum over samples of Swap - VmSwap, never negative
  std::uint64_t minor_faults = 0;    ///< never falls while the group exists
  std::uint64_t major_faults = 0;
  std::array<Bytes, unmeasured_reasons.size()> unmeasured{};  ///< by Unmeasured
  std::optional<double> oldest_sample_seconds;
  std::optional<std::uint64_t> oldest_start;  ///< ticks after boot
  std::optional<std::uint64_t> oom_score;     ///< the largest; absent unless asked for
  LimitUsage limit_usage;
  std::optional<std::uint64_t> mappings;       ///< VMAs; absent where one process's are unknown
  std::optional<std::uint64_t> most_mappings;  ///< of one process
  MappingSums regions;
};

struct Group {
  GroupKey key;
  GroupTotals totals;
};

/// How many processes there are, by what is known of them.
struct ProcessCounts {
  std::uint64_t measured = 0;
  std::uint64_t pending = 0;
  std::uint64_t denied = 0;
  std::uint64_t stuck = 0;        ///< a read of them hangs
  std::uint64_t unsupported = 0;  ///< the kernel tells no PSS of them
  std::uint64_t kernel = 0;
  std::uint64_t zombie = 0;
  /// Counted in full, each in one of the states above, though their memory may be another's as
  /// well.
  std::uint64_t sharing_unknown = 0;
  /// The procfs does not list every process (hidepid): how many are denied is unknown.
  bool hidden = false;
};

/// What the walks behind PSS have cost since the start.
struct SamplingCost {
  std::uint64_t reads = 0;
  double read_seconds = 0;  ///< wall time inside reads
  double cpu_seconds = 0;   ///< CPU time of the sampling thread
  double longest_read_seconds = 0;
  double budget_seconds = 0;   ///< CPU time the budget has granted so far
  std::uint64_t deferred = 0;  ///< candidates the last scrape left for later
};

/// How the threads of one lane of reads are doing.
struct LaneReaders {
  std::string_view lane;
  std::uint64_t hung = 0;            ///< reads that have not come back for two seconds
  std::uint64_t start_failures = 0;  ///< threads that could not be started, since the start
  bool paused = false;               ///< nobody is left who could read
};

/// What the exporter's privileges allow for giants.
enum class PssTier {
  rollup,   ///< smaps_rollup alone, under the stall budget
  pagemap,  ///< pagemap and kpagecount: no giant is stalled, but one with hugetlb pages
};
std::string_view to_string(PssTier tier);

/// The same for a file that is read of every process now and then.
struct FileReadingCost {
  std::string_view file;
  SamplingCost cost;
};

/// A file of /proc/PID and how it failed.
struct ReadErrorKey {
  std::string_view file;
  ErrorKind reason;
  auto operator<=>(const ReadErrorKey&) const = default;
};

/// What meminfo said of memory that processes map.
struct MappedMemory {
  Bytes anon;    ///< AnonPages
  Bytes mapped;  ///< Mapped
};

/// All that one collection found out about processes. Immutable once published; requests share it.
struct Snapshot {
  GroupBy group_by;
  std::vector<Group> groups;        ///< sorted by key, Settings::max_groups at most
  std::uint64_t groups_folded = 0;  ///< groups with processes that count as `other`
  ProcessCounts counts;
  SamplingCost sampling;
  std::vector<FileReadingCost> readings;
  std::vector<LaneReaders> readers;  ///< of every lane
  PssTier tier = PssTier::rollup;
  std::map<ReadErrorKey, std::uint64_t> read_errors;  ///< since the start
  /// As the collection began: against meminfo after it, how far the machine moved meanwhile.
  std::optional<MappedMemory> mapped_before;
};

}  // namespace memory_exporter::process
