// many_mappings COUNT: so many mappings of one page, with protections that alternate, because the
// kernel makes one mapping of neighbours that are alike.
#include "program.h"

int main(int argc, char** argv) {
  const size_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 2;
  step("start");
  char* memory = mmap(NULL, count * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  for (size_t i = 1; i < count; i += 2) {
    if (mprotect(memory + i * page, page, PROT_READ | PROT_WRITE) != 0) fail("mprotect");
  }
  step("mapped");
  return 0;
}
