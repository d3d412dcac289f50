// until_refused: takes memory in pieces of 1 MiB, without touching it, until it is refused.
#include <errno.h>

#include "program.h"

int main(void) {
  step("start");
  int count = 0;
  while (mmap(NULL, mib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
         MAP_FAILED) {
    ++count;
  }
  if (errno != ENOMEM) fail("mmap");
  step("%d", count);
  return 0;
}
