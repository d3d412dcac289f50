#include "collectors/registry.h"

#include <array>

#include "collectors/builtin.h"

namespace memory_exporter {

std::span<const CollectorEntry> collector_table() {
  static constexpr std::array table = {
      CollectorEntry{"process", true, "memory of process groups: RSS, PSS, USS, swap, faults",
                     make_process_collector, true},
      CollectorEntry{"process_details", false,
                     "of process groups: dirty, shared, huge, locked memory, segments, peaks",
                     make_process_details_collector, true, process::Extras::oom_score},
      CollectorEntry{"meminfo", true, "every field of /proc/meminfo", make_meminfo_collector},
      CollectorEntry{"vmstat", true, "paging, reclaim and huge page events of /proc/vmstat",
                     make_vmstat_collector},
      CollectorEntry{"swap", true, "swap devices: size, use, priority", make_swap_collector},
      CollectorEntry{"overcommit", true, "overcommit policy, what is promised, memory sysctls",
                     make_overcommit_collector},
      CollectorEntry{"pressure", true, "time spent waiting for memory", make_pressure_collector},
  };
  return table;
}

}  // namespace memory_exporter
