#include <unistd.h>

#include <array>

#include "collectors/builtin.h"
#include "collectors/group_writer.h"
#include "collectors/procfs/boot_time.h"
#include "collectors/read_file.h"

namespace memory_exporter {
namespace {

using process::GroupTotals;

enum Index : std::size_t {
  pss_dirty,
  shared,
  private_memory,
  referenced,
  anonymous,
  lazyfree,
  anon_huge,
  shmem_huge,
  file_huge,
  ksm,
  locked,
  pinned,
  page_tables,
  segment,
  resident_peak,
  virtual_peak,
  oom_score,
  oldest_start,
  family_count
};

constexpr std::array<Family, family_count> detail_families = {{
    {"memory_group_pss_dirty_bytes", MetricType::gauge,
     "The part of PSS that is dirty; /proc/PID/smaps_rollup Pss_Dirty (kernel 6.0), as sampled."},
    {"memory_group_shared_bytes", MetricType::gauge,
     "Resident memory mapped elsewhere too, by state; /proc/PID/smaps_rollup Shared_Clean, "
     "Shared_Dirty, as sampled. Counts in full in every process that maps it."},
    {"memory_group_private_bytes", MetricType::gauge,
     "Resident memory mapped once, by state; /proc/PID/smaps_rollup Private_Clean, Private_Dirty, "
     "as sampled. Their sum is the unique set size."},
    {"memory_group_referenced_bytes", MetricType::gauge,
     "Resident memory marked as used since the kernel last looked; /proc/PID/smaps_rollup "
     "Referenced, as sampled."},
    {"memory_group_anonymous_bytes", MetricType::gauge,
     "Resident memory without a file behind it, private copies of file pages included; "
     "/proc/PID/smaps_rollup Anonymous, as sampled."},
    {"memory_group_lazyfree_bytes", MetricType::gauge,
     "Memory given back with MADV_FREE and not yet taken; /proc/PID/smaps_rollup LazyFree, as "
     "sampled."},
    {"memory_group_anon_huge_bytes", MetricType::gauge,
     "Anonymous memory in transparent huge pages; /proc/PID/smaps_rollup AnonHugePages, as "
     "sampled."},
    {"memory_group_shmem_huge_bytes", MetricType::gauge,
     "Shared memory mapped by huge pages; /proc/PID/smaps_rollup ShmemPmdMapped, as sampled."},
    {"memory_group_file_huge_bytes", MetricType::gauge,
     "File pages mapped by huge pages; /proc/PID/smaps_rollup FilePmdMapped (kernel 5.4), as "
     "sampled."},
    {"memory_group_ksm_bytes", MetricType::gauge,
     "Memory whose pages were merged with equal ones; /proc/PID/smaps_rollup KSM (kernel 6.8), as "
     "sampled."},
    {"memory_group_locked_bytes", MetricType::gauge,
     "Address space locked into RAM by mlock; /proc/PID/status VmLck. Counts in every process that "
     "locks it."},
    {"memory_group_pinned_bytes", MetricType::gauge,
     "Memory that a device may be reading or writing and that cannot move; /proc/PID/status "
     "VmPin."},
    {"memory_group_page_tables_bytes", MetricType::gauge,
     "The kernel's page tables for the processes, in neither RSS nor PSS; /proc/PID/status VmPTE, "
     "VmPMD."},
    {"memory_group_segment_bytes", MetricType::gauge,
     "Address space by segment; /proc/PID/status VmData, VmStk, VmExe, VmLib. Says what was asked "
     "for, not what is used."},
    {"memory_group_resident_peak_bytes", MetricType::gauge,
     "The largest peak of RSS among the group's processes; /proc/PID/status VmHWM. Peaks do not "
     "add up."},
    {"memory_group_virtual_peak_bytes", MetricType::gauge,
     "The largest peak of address space among the group's processes; /proc/PID/status VmPeak."},
    {"memory_group_oom_score", MetricType::gauge,
     "The largest OOM score among the group's processes, the highest is killed first; "
     "/proc/PID/oom_score."},
    {"memory_group_oldest_start_time_seconds", MetricType::gauge,
     "When the group's oldest process started, since the epoch; /proc/PID/stat starttime after "
     "/proc/stat btime, which is a whole second."},
}};

/// Ticks after boot as seconds since the epoch.
class StartTimes {
 public:
  explicit StartTimes(std::uint64_t boot_time)
      : boot_time_(static_cast<double>(boot_time)),
        ticks_per_second_(static_cast<double>(::sysconf(_SC_CLK_TCK))) {}

  double at(std::uint64_t ticks) const {
    return boot_time_ + static_cast<double>(ticks) / ticks_per_second_;
  }

 private:
  double boot_time_;
  double ticks_per_second_;
};

class ProcessDetailsCollector final : public Collector {
 public:
  explicit ProcessDetailsCollector(const procfs::Tree& procfs) : procfs_(procfs) {}

  std::string_view name() const override { return "process_details"; }
  std::span<const Family> families() const override { return detail_families; }

  void collect(Collection& collection) const override {
    procfs::Buffer buffer;
    const auto boot_time =
        read_file(procfs_, "stat", buffer, collection.errors, procfs::parse_boot_time);
    GroupWriter out(detail_families, collection.processes, collection.sink);
    write_samples(out);
    write_status(out);
    out.family(oom_score, [&](const GroupTotals& group) { out.sample(group.oom_score); });
    if (!boot_time) return;
    const StartTimes start_times(*boot_time);
    out.family(oldest_start, [&](const GroupTotals& group) {
      if (group.oldest_start) out.sample(Value(start_times.at(*group.oldest_start)));
    });
  }

 private:
  using Sampled = OptionalBytes procfs::SmapsRollup::*;
  using Current = OptionalBytes procfs::ProcessStatus::*;

  static void write_samples(GroupWriter& out) {
    using procfs::SmapsRollup;
    const auto plain = [&](Index index, Sampled field) {
      out.family(index, [&](const GroupTotals& group) { out.sample(group.memory.*field); });
    };
    plain(pss_dirty, &SmapsRollup::pss_dirty);
    out.family(shared, [&](const GroupTotals& group) {
      out.sample("state", "clean", group.memory.shared_clean);
      out.sample("state", "dirty", group.memory.shared_dirty);
    });
    out.family(private_memory, [&](const GroupTotals& group) {
      out.sample("state", "clean", group.memory.private_clean);
      out.sample("state", "dirty", group.memory.private_dirty);
    });
    plain(referenced, &SmapsRollup::referenced);
    plain(anonymous, &SmapsRollup::anonymous);
    plain(lazyfree, &SmapsRollup::lazy_free);
    plain(anon_huge, &SmapsRollup::anon_huge);
    plain(shmem_huge, &SmapsRollup::shmem_huge);
    plain(file_huge, &SmapsRollup::file_huge);
    plain(ksm, &SmapsRollup::ksm);
  }

  static void write_status(GroupWriter& out) {
    using procfs::ProcessStatus;
    const auto plain = [&](Index index, Current field) {
      out.family(index, [&](const GroupTotals& group) { out.sample(group.status.*field); });
    };
    plain(locked, &ProcessStatus::locked);
    plain(pinned, &ProcessStatus::pinned);
    plain(page_tables, &ProcessStatus::page_tables);
    out.family(segment, [&](const GroupTotals& group) {
      out.sample("segment", "data", group.status.data);
      out.sample("segment", "stack", group.status.stack);
      out.sample("segment", "text", group.status.text);
      out.sample("segment", "lib", group.status.library);
    });
    plain(resident_peak, &ProcessStatus::resident_peak);
    plain(virtual_peak, &ProcessStatus::virtual_peak);
  }

  const procfs::Tree& procfs_;
};

}  // namespace

std::unique_ptr<Collector> make_process_details_collector(const Trees& trees,
                                                          const CollectorOptions&) {
  return std::make_unique<ProcessDetailsCollector>(trees.procfs);
}

}  // namespace memory_exporter
