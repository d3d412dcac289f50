#include "tests/bench/allocations.h"

#include <cstdlib>
#include <new>

namespace {

memory_exporter::bench::Allocations so_far;

}  // namespace

// In a file of its own: where the compiler sees a replaced operator and its caller together, it
// warns that free() does not match new.
void* operator new(std::size_t size) {
  ++so_far.count;
  so_far.bytes += size;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace memory_exporter::bench {

Allocations allocations() {
  return so_far;
}

}  // namespace memory_exporter::bench
