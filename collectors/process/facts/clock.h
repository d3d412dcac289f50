#pragma once

#include <chrono>
#include <functional>

namespace memory_exporter::process {

using Clock = std::chrono::steady_clock;

/// Where the time comes from: tests push a clock of their own.
using Now = std::function<Clock::time_point()>;

}  // namespace memory_exporter::process
