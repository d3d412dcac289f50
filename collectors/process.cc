#include <array>

#include "collectors/builtin.h"
#include "collectors/group_writer.h"

namespace memory_exporter {
namespace {

using process::GroupTotals;

enum Index : std::size_t {
  processes,
  threads,
  resident,
  virtual_size,
  swap,
  swap_shmem,
  pss,
  uss,
  hugetlb,
  swap_pss,
  page_faults,
  unmeasured,
  pss_age,
  family_count
};

constexpr std::array<Family, family_count> group_families = {{
    {"memory_group_processes", MetricType::gauge,
     "Processes in the group, without zombies; from /proc/PID/stat."},
    {"memory_group_threads", MetricType::gauge,
     "Threads of the group's processes; /proc/PID/stat num_threads."},
    {"memory_group_resident_bytes", MetricType::gauge,
     "Resident memory by kind; /proc/PID/status RssAnon, RssFile, RssShmem (VmRSS, kind=\"all\", "
     "of "
     "processes without them: before kernel 4.5). Shared pages count once in every process, and "
     "kernels before early 2025 print it approximately."},
    {"memory_group_virtual_bytes", MetricType::gauge,
     "Address space mapped; /proc/PID/status VmSize."},
    {"memory_group_swap_bytes", MetricType::gauge,
     "Anonymous memory swapped out; /proc/PID/status VmSwap. Shared memory is not in it."},
    {"memory_group_swap_shmem_bytes", MetricType::gauge,
     "Shared memory swapped out; /proc/PID/smaps_rollup Swap minus status VmSwap, as sampled."},
    {"memory_group_pss_bytes", MetricType::gauge,
     "Proportional set size by kind, each page divided by its mappers; /proc/PID/smaps_rollup "
     "Pss_Anon, Pss_File, Pss_Shmem (before kernel 5.3: Pss, kind=\"all\"), as sampled."},
    {"memory_group_uss_bytes", MetricType::gauge,
     "Unique set size, what the processes map alone; /proc/PID/smaps_rollup Private_Clean plus "
     "Private_Dirty, as sampled."},
    {"memory_group_hugetlb_bytes", MetricType::gauge,
     "Huge pages from the hugetlb pools, in neither RSS, PSS nor USS; /proc/PID/smaps_rollup "
     "Private_Hugetlb, Shared_Hugetlb, as sampled."},
    {"memory_group_swap_pss_bytes", MetricType::gauge,
     "Anonymous swap, each slot divided by its users; /proc/PID/smaps_rollup SwapPss, as sampled."},
    {"memory_group_page_faults_total", MetricType::counter,
     "Page faults of the group's processes, those that ended included; /proc/PID/stat minflt, "
     "majflt."},
    {"memory_group_unmeasured_resident_bytes", MetricType::gauge,
     "Resident memory that the group's PSS and USS do not cover, by reason; /proc/PID/status "
     "VmRSS."},
    {"memory_group_pss_age_seconds", MetricType::gauge,
     "Age of the oldest sample in the group's PSS and USS."},
}};

class ProcessCollector final : public Collector {
 public:
  std::string_view name() const override { return "process"; }
  std::span<const Family> families() const override { return group_families; }

  void collect(Collection& collection) const override {
    GroupWriter out(group_families, collection.processes, collection.sink);
    out.family(processes, [&](const GroupTotals& group) { out.sample(Value(group.processes)); });
    out.family(threads, [&](const GroupTotals& group) { out.sample(Value(group.threads)); });
    out.family(resident, [&](const GroupTotals& group) {
      out.sample("kind", "anon", group.status.resident_anon);
      out.sample("kind", "file", group.status.resident_file);
      out.sample("kind", "shmem", group.status.resident_shmem);
      out.sample("kind", "all", group.status.resident_unsplit);
    });
    out.family(virtual_size,
               [&](const GroupTotals& group) { out.sample(group.status.virtual_size); });
    out.family(swap, [&](const GroupTotals& group) { out.sample(group.status.swap); });
    out.family(swap_shmem, [&](const GroupTotals& group) { out.sample(group.swap_shmem); });
    out.family(pss, [&](const GroupTotals& group) {
      const auto& memory = group.memory;
      if (memory.pss_anon) {
        out.sample("kind", "anon", memory.pss_anon);
        out.sample("kind", "file", memory.pss_file);
        out.sample("kind", "shmem", memory.pss_shmem);
      } else {
        out.sample("kind", "all", memory.pss);
      }
    });
    out.family(uss, [&](const GroupTotals& group) { out.sample(group.uss); });
    out.family(hugetlb, [&](const GroupTotals& group) {
      out.sample("sharing", "private", group.memory.private_hugetlb);
      out.sample("sharing", "shared", group.memory.shared_hugetlb);
    });
    out.family(swap_pss, [&](const GroupTotals& group) { out.sample(group.memory.swap_pss); });
    out.family(page_faults, [&](const GroupTotals& group) {
      out.sample("severity", "minor", Value(group.minor_faults));
      out.sample("severity", "major", Value(group.major_faults));
    });
    out.family(unmeasured, [&](const GroupTotals& group) {
      for (const auto reason : process::unmeasured_reasons) {
        out.sample("reason", process::to_string(reason),
                   Value(group.unmeasured[static_cast<std::size_t>(reason)]));
      }
    });
    out.family(pss_age, [&](const GroupTotals& group) {
      if (group.oldest_sample_seconds) out.sample(Value(*group.oldest_sample_seconds));
    });
  }
};

}  // namespace

std::unique_ptr<Collector> make_process_collector(const Trees&, const CollectorOptions&) {
  return std::make_unique<ProcessCollector>();
}

}  // namespace memory_exporter
