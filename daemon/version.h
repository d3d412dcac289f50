#pragma once

#include <string_view>

namespace memory_exporter {

std::string_view version();   ///< of this program, as CMakeLists.txt has it
std::string_view compiler();  ///< that built it, with its version

}  // namespace memory_exporter
