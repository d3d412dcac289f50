// three_mappings: maps 4 MiB three times and unmaps the one in the middle. They are asked for next
// to each other, in the middle of a gap, so that nothing else is next to them.
#include "program.h"

enum { size = 4 * mib };

static void map_at(char* address) {
  if (mmap(address, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
           -1, 0) != address) {
    fail("mmap");
  }
}

int main(void) {
  char* gap = mmap(NULL, 5 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (gap == MAP_FAILED || munmap(gap, 5 * size) != 0) fail("mmap");
  char* first = gap + size;
  step("start");
  for (int i = 0; i < 3; ++i) map_at(first + i * size);
  step("mapped");
  if (munmap(first + size, size) != 0) fail("munmap");
  step("unmapped");
  return 0;
}
