// threshold: malloc of 1 MiB (above the threshold of mmap, 128 KiB), then of 64 KiB (below it).
// Both are written.
#include "program.h"

int main(void) {
  make_heap();
  step("start");
  volatile char* large = malloc(mib);
  write_pages(large, mib);
  step("large");
  volatile char* small = malloc(64 * kib);
  write_pages(small, 64 * kib);
  step("small");
  free((void*)small);
  free((void*)large);
  return 0;
}
