#include "collectors/registry.h"

#include <array>

#include "collectors/builtin.h"

namespace memory_exporter {

std::span<const CollectorEntry> collector_table() {
  static constexpr std::array table = {
      CollectorEntry{"process", true, "memory of process groups: RSS, PSS, USS, swap, faults",
                     make_process_collector, true, process::Extras::none, false},
      CollectorEntry{"process_details", false,
                     "of process groups: dirty, shared, huge, locked memory, segments, peaks",
                     make_process_details_collector, true, process::Extras::oom_score},
      CollectorEntry{"limits", true, "how near process groups are to their limits; mappings",
                     make_limits_collector, true, process::Extras::limits},
      CollectorEntry{"mappings", false,
                     "memory of process groups by region: heap, stack, libraries, files...",
                     make_mappings_collector, true, process::Extras::mappings, false},
      // Before the system's own, so that meminfo is read right after the processes, and what else
      // the balance is made of right after that: what moves in between is unaccounted for.
      CollectorEntry{"balance", true, "where the RAM goes: parts that add up to MemTotal",
                     make_balance_collector, true},
      CollectorEntry{"meminfo", true, "every field of /proc/meminfo", make_meminfo_collector},
      CollectorEntry{"vmstat", true, "paging, reclaim and huge page events of /proc/vmstat",
                     make_vmstat_collector},
      CollectorEntry{"swap", true, "swap devices, zram, zswap", make_swap_collector},
      CollectorEntry{"overcommit", true, "overcommit policy, what is promised, memory sysctls",
                     make_overcommit_collector},
      CollectorEntry{"pressure", true, "time spent waiting for memory", make_pressure_collector},
      CollectorEntry{"ksm", true, "merging of equal pages", make_ksm_collector},
      CollectorEntry{"hugepages", true, "hugetlb pools and transparent huge pages",
                     make_hugepages_collector},
      CollectorEntry{"numa", true, "memory by NUMA node", make_numa_collector},
      CollectorEntry{"cgroup", true, "memory of cgroups: use, limits, events, pressure",
                     make_cgroup_collector},
  };
  return table;
}

}  // namespace memory_exporter
