// paged_out private|shared SIZE: writes memory, hands it to the swap device, and touches it again.
#include <string.h>

#include "program.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const size_t size = strtoull(argv[2], NULL, 10);
  const int kind = strcmp(argv[1], "shared") == 0 ? MAP_SHARED : MAP_PRIVATE;
  char* memory = map_pages(size, kind | MAP_ANONYMOUS, -1);
  write_pages(memory, size);
  step("written");
  for (int i = 0; i < 5; ++i) {  // a page may be busy at the first try
    if (madvise(memory, size, MADV_PAGEOUT) != 0) fail("madvise(MADV_PAGEOUT)");
    usleep(50 * 1000);
  }
  step("paged out");
  read_pages(memory, size);
  step("touched");
  return 0;
}
