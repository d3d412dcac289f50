// locked: locks 8 MiB of memory less one page into RAM (8 MiB is the usual limit), and lets it go.
#include "program.h"

enum { size = 8 * mib - page };

int main(void) {
  step("start");
  char* memory = map_private(size);
  if (mlock(memory, size) != 0) fail("mlock");
  step("locked");
  munlock(memory, size);
  step("unlocked");
  return 0;
}
