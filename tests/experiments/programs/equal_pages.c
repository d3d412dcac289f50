// equal_pages: forks; parent and child each fill 16 MiB with the same page over and over, and let
// the kernel merge them.
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "program.h"

enum { size = 16 * mib };

static void fill(void) {
  char* memory = map_private(size);
  memset(memory, 0x5a, size);
  if (madvise(memory, size, MADV_MERGEABLE) != 0) fail("madvise(MADV_MERGEABLE)");
}

int main(void) {
  step("start");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  fill();
  if (child == 0) {
    step("filled");
    return 0;
  }
  wait(NULL);
  return 0;
}
