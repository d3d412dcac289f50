#include "collectors/registry.h"

#include <array>

#include "collectors/builtin.h"

namespace memory_exporter {

std::span<const CollectorEntry> collector_table() {
  static constexpr std::array table = {
      CollectorEntry{"process", true, "memory of process groups: RSS, PSS, USS, swap, faults",
                     make_process_collector, true},
  };
  return table;
}

}  // namespace memory_exporter
