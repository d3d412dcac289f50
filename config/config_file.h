#pragma once

#include <string>
#include <string_view>

#include "collectors/base/result.h"
#include "config/rows.h"

namespace memory_exporter::config {

/// Reads and checks a configuration file (YAML) of 1 MiB at most. The whole file is checked before
/// anything is taken from it; the first mistake is the error, one line of some hundred bytes with
/// the file, the line, the column, the key and what would be accepted: an unknown key, a key given
/// twice, a value of the wrong kind. No exception leaves this function. Takes no more than what
/// config/yaml.h says, and waits for nothing but the file's own filesystem.
Result<Assignments> load_file(const std::string& path);

/// The same for text that is already in memory; `path` is for the errors.
Result<Assignments> parse_file(std::string_view text, const std::string& path);

/// The settings in force with these flags: settings_from() the file that they name, and them. What
/// a reload does again.
Result<Settings> load_settings(const Assignments& flags);

}  // namespace memory_exporter::config
