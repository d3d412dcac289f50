#include "collectors/process/sampling/meter.h"

#include <algorithm>
#include <thread>

namespace memory_exporter::process {

bool Meter::pause(std::chrono::nanoseconds length) {
  close_held();
  std::this_thread::sleep_for(length);
  part_began_ = now_();
  return goes_on_(part_began_);
}

void Meter::close_held() {
  const auto [cpu, wall] = close_part();
  const auto hold = std::min(wall, 10 * cpu);
  cost_.longest_hold = std::max(cost_.longest_hold, hold);
  if (hold >= stall) cost_.stalled += hold;
  longest_part_ = std::max(longest_part_, wall);
}

Meter::Part Meter::close_part() {
  const auto cpu = cpu_time_.take();
  const auto now = now_();
  const std::chrono::nanoseconds wall = now - std::exchange(part_began_, now);
  budget_.spend(cpu, lane_);
  cost_.cpu += cpu;
  time_ += wall;
  return {cpu, wall};
}

}  // namespace memory_exporter::process
