#pragma once

namespace memory_exporter {

enum class LogLevel { debug, info, warn, error };
enum class LogFormat { logfmt, json };

}  // namespace memory_exporter
