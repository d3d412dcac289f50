// just_in_time: maps 2 MiB that can be written and executed, as a JIT compiler does.
#include "program.h"

enum { size = 2 * mib };

int main(void) {
  step("start");
  char* memory =
      mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  write_pages(memory, size);
  step("mapped");
  if (mprotect(memory, size, PROT_READ | PROT_EXEC) != 0) fail("mprotect");
  step("sealed");
  return 0;
}
