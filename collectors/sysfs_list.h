#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/procfs/reader.h"

namespace memory_exporter {

/// The names in a folder, sorted (a folder's own order is the kernel's hash order); none where the
/// folder is not there.
Result<std::vector<std::string>> list_if_present(const procfs::Tree& tree,
                                                 const std::string& folder);

/// The numbers N for which the folder has a name `prefix`N`suffix`, ascending: the 0 of node0, the
/// 2048 of hugepages-2048kB.
Result<std::vector<std::uint64_t>> list_numbered(const procfs::Tree& tree,
                                                 const std::string& folder, std::string_view prefix,
                                                 std::string_view suffix);

}  // namespace memory_exporter
