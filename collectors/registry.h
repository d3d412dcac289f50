#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "collectors/base/pattern.h"
#include "collectors/collector.h"
#include "collectors/process/facts/settings.h"
#include "collectors/procfs/page_size.h"

namespace memory_exporter {

/// What the operator may set for the collector cgroup.
struct CgroupSettings {
  /// How many levels below the root of the hierarchy are reported.
  unsigned depth = 2;
  /// How many are reported at most: anybody with a cgroup of his own can make more below it.
  unsigned max = 1000;
  /// Paths ("/system.slice/web.service") to report: those that match `include` where it is set,
  /// and do not match `exclude`.
  std::optional<Pattern> include;
  std::optional<Pattern> exclude;

  bool operator==(const CgroupSettings&) const = default;
};

/// What the operator may set for collectors beyond on and off.
struct CollectorSettings {
  /// Fields of /proc/vmstat to report beyond those reported always.
  std::optional<Pattern> vmstat_fields;
  CgroupSettings cgroup;

  bool operator==(const CollectorSettings&) const = default;
};

/// What a collector is made with.
struct CollectorOptions : CollectorSettings {
  /// What the kernel means by a page, asked in each collection that needs it. Without it what is
  /// counted in pages is absent where it would have to be bytes.
  std::function<Result<OptionalBytes>(const procfs::Tree&)> page_size = procfs::page_size_of;
};

/// One row of the table of collectors.
struct CollectorEntry {
  std::string_view name;
  bool on_by_default;
  std::string_view summary;  ///< one line, for --help and the docs
  std::unique_ptr<Collector> (*make)(const Trees&, const CollectorOptions&);
  bool reads_processes = false;                    ///< else it is run without collecting processes
  process::Extras extras = process::Extras::none;  ///< read of every process while it is on
  /// It opens files itself, which may hang; else it is made of processes alone.
  bool reads_files = true;
};

/// Every collector there is, in the order of the exposition. A new one is one file and one line.
std::span<const CollectorEntry> collector_table();

}  // namespace memory_exporter
