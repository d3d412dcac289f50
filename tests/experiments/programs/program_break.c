// program_break: moves the end of the heap up by 1 MiB, writes that, and moves it back.
#include "program.h"

int main(void) {
  make_heap();
  step("start");
  volatile char* memory = sbrk(mib);
  if (memory == (void*)-1) fail("sbrk");
  write_pages(memory, mib);
  step("grown");
  if (sbrk(-mib) == (void*)-1) fail("sbrk");
  step("shrunk");
  return 0;
}
