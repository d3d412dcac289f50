#pragma once

#include <memory>

#include "collectors/registry.h"

/// The factories that the table in registry.cc names, one a collector file.
namespace memory_exporter {

std::unique_ptr<Collector> make_process_collector(const Trees&, const CollectorOptions&);

}  // namespace memory_exporter
