#pragma once

#include <string>
#include <vector>

#include "collectors/base/result.h"
#include "config/rows.h"

namespace memory_exporter {

/// Reads a command line, the program's name left out, and tries what it says on the defaults. The
/// error is one line that names the flag.
Result<config::Assignments> parse_flags(const std::vector<std::string>& arguments);

/// What --help prints.
std::string help_text();

}  // namespace memory_exporter
