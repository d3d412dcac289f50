#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/procfs/reader.h"
#include "collectors/read_failures.h"
#include "collectors/read_file.h"

namespace memory_exporter {

/// The names in a folder, sorted (a folder's own order is the kernel's hash order); none where the
/// folder is not there or cannot be read, which `errors` counts.
std::vector<std::string> list_names(const procfs::Tree& tree, const FileName& folder,
                                    ReadErrors& errors);

/// The N of a name `prefix`N`suffix`; nothing where the name has another form, or N a 0 in front.
std::optional<std::uint64_t> number_between(std::string_view name, std::string_view prefix,
                                            std::string_view suffix);

/// The numbers N for which the folder has a name `prefix`N`suffix`, ascending: the 0 of node0, the
/// 2048 of hugepages-2048kB.
std::vector<std::uint64_t> list_numbered(const procfs::Tree& tree, const FileName& folder,
                                         std::string_view prefix, std::string_view suffix,
                                         ReadErrors& errors);

}  // namespace memory_exporter
