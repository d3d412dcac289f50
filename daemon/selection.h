#pragma once

#include <memory>
#include <string>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/collector.h"
#include "collectors/process/facts/settings.h"

namespace memory_exporter {

/// A collector that is on.
struct ActiveCollector {
  std::unique_ptr<Collector> collector;
  bool reads_processes = false;
  process::Extras extras = process::Extras::none;
  bool reads_files = true;
};

/// All that are on, in the order of the exposition. Immutable; a reload makes another.
using CollectorSet = std::vector<ActiveCollector>;

/// Which of a set's collectors a request wants, as collect[] and exclude[] say.
struct Selection {
  std::shared_ptr<const CollectorSet> collectors;
  std::vector<bool> wanted;  ///< one for each
};

/// Fails on a name that is not on, and on both lists at once.
Result<Selection> select(std::shared_ptr<const CollectorSet> collectors,
                         const std::vector<std::string>& collect,
                         const std::vector<std::string>& exclude);

}  // namespace memory_exporter
