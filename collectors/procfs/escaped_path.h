#pragma once

#include <string>
#include <string_view>

namespace memory_exporter::procfs {

/// A path as the kernel writes it among words: undoes the escapes of blank, tab, newline and
/// backslash, \040 and so on (kernel: fs/seq_file.c, mangle_path). A backslash without three octal
/// digits behind it stays.
std::string unescape_path(std::string_view escaped);

}  // namespace memory_exporter::procfs
