#pragma once

#include <optional>
#include <string>

#include "collectors/process/sampling/read.h"
#include "collectors/process/sampling/region.h"

namespace memory_exporter::process {

/// smaps, added up by region; for_each_mapping() says what it costs.
class MappingsReader {
 public:
  explicit MappingsReader(const procfs::Tree& procfs) : procfs_(procfs) {}

  Result<MappingsFound> read(const ReadRequest& request, ReadControl& control);

 private:
  Result<std::string> executable_of(const ReadRequest& request) const;

  const procfs::Tree& procfs_;
  procfs::Buffer buffer_;
  MappingTotals totals_;  ///< of the process being read; a copy has just the room it needs
  std::optional<bool> stacks_are_marked_;  ///< asked of the kernel at the first read
};

}  // namespace memory_exporter::process
