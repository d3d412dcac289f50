#pragma once

#include <cstddef>

namespace memory_exporter::bench {

/// What operator new has given out since the start of a program that links allocations.cc.
struct Allocations {
  std::size_t count = 0;
  std::size_t bytes = 0;
};
Allocations allocations();

}  // namespace memory_exporter::bench
