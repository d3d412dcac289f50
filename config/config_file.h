#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/result.h"
#include "config/settings.h"

namespace memory_exporter::config {

/// Reads and checks a configuration file (YAML) of 1 MiB at most. The whole file is checked before
/// anything is taken from it; the first mistake is the error, one line of some hundred bytes with
/// the file, the line, the column, the key and what would be accepted: an unknown key, a key given
/// twice, a value of the wrong kind. No exception leaves this function. Takes no more than what
/// config/yaml.h says, and waits for nothing but the file's own filesystem.
Result<Settings> load_file(const std::string& path);

/// The same for text that is already in memory; `path` is for the errors.
Result<Settings> parse_file(std::string_view text, const std::string& path);

/// Every key there is, after its block's name and a dot: `group_by`, `collectors.meminfo`,
/// `pss.max_age`. The documentation is held against it.
std::vector<std::string> keys();

}  // namespace memory_exporter::config
