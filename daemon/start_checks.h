#pragma once

#include "collectors/collector.h"
#include "daemon/log.h"
#include "daemon/scrape.h"

namespace memory_exporter {

/// Says in the log which collectors will be silent because of what the trees do not show, and what
/// to do about it. For the start: it lists the root of procfs and looks for the cgroups.
void warn_of_silent_collectors(const CollectorSet& collectors, const Trees& trees, Log& log);

}  // namespace memory_exporter
