#pragma once

#include <array>

#include "collectors/procfs/status.h"

namespace memory_exporter::process {

/// All that status says of an mm: processes on one mm have them all in common.
inline constexpr std::array memory_figures = {
    &procfs::ProcessStatus::virtual_peak,   &procfs::ProcessStatus::virtual_size,
    &procfs::ProcessStatus::locked,         &procfs::ProcessStatus::pinned,
    &procfs::ProcessStatus::resident_peak,  &procfs::ProcessStatus::resident,
    &procfs::ProcessStatus::resident_anon,  &procfs::ProcessStatus::resident_file,
    &procfs::ProcessStatus::resident_shmem, &procfs::ProcessStatus::data,
    &procfs::ProcessStatus::stack,          &procfs::ProcessStatus::text,
    &procfs::ProcessStatus::library,        &procfs::ProcessStatus::page_tables,
    &procfs::ProcessStatus::swap,           &procfs::ProcessStatus::hugetlb};

inline bool same_memory_figures(const procfs::ProcessStatus& a, const procfs::ProcessStatus& b) {
  for (const auto figure : memory_figures) {
    if (a.*figure != b.*figure) return false;
  }
  return true;
}

}  // namespace memory_exporter::process
