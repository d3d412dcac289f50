#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "collectors/collector.h"
#include "collectors/process/monitor.h"

namespace memory_exporter {

/// What the operator may set for collectors beyond on and off.
struct CollectorOptions {};

/// One row of the table of collectors.
struct CollectorEntry {
  std::string_view name;
  bool on_by_default;
  std::string_view summary;  ///< one line, for --help and the docs
  std::unique_ptr<Collector> (*make)(const Trees&, const CollectorOptions&);
  bool reads_processes = false;  ///< else it is run without collecting processes
  process::Extras extras = process::Extras::none;  ///< read of every process while it is on
};

/// Every collector there is, in the order of the exposition. A new one is one file and one line.
std::span<const CollectorEntry> collector_table();

}  // namespace memory_exporter
