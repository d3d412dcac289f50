#pragma once

#include <memory>

#include "collectors/registry.h"

/// The factories that the table in registry.cc names, one a collector file.
namespace memory_exporter {

std::unique_ptr<Collector> make_process_collector(const Trees&, const CollectorOptions&);
std::unique_ptr<Collector> make_process_details_collector(const Trees&, const CollectorOptions&);
std::unique_ptr<Collector> make_limits_collector(const Trees&, const CollectorOptions&);
std::unique_ptr<Collector> make_mappings_collector(const Trees&, const CollectorOptions&);
std::unique_ptr<Collector> make_meminfo_collector(const Trees&, const CollectorOptions&);
std::unique_ptr<Collector> make_vmstat_collector(const Trees&, const CollectorOptions&);
std::unique_ptr<Collector> make_swap_collector(const Trees&, const CollectorOptions&);
std::unique_ptr<Collector> make_overcommit_collector(const Trees&, const CollectorOptions&);
std::unique_ptr<Collector> make_pressure_collector(const Trees&, const CollectorOptions&);
std::unique_ptr<Collector> make_ksm_collector(const Trees&, const CollectorOptions&);
std::unique_ptr<Collector> make_hugepages_collector(const Trees&, const CollectorOptions&);
std::unique_ptr<Collector> make_numa_collector(const Trees&, const CollectorOptions&);
std::unique_ptr<Collector> make_balance_collector(const Trees&, const CollectorOptions&);
std::unique_ptr<Collector> make_cgroup_collector(const Trees&, const CollectorOptions&);

}  // namespace memory_exporter
