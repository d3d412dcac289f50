// promises COUNT SIZE: asks for memory that it never touches, and says how much it was promised.
#include "program.h"

int main(int argc, char** argv) {
  const int count = argc > 1 ? atoi(argv[1]) : 1;
  const size_t size = argc > 2 ? strtoull(argv[2], NULL, 10) : mib;
  step("start");
  int got = 0;
  for (int i = 0; i < count; ++i) {
    volatile char* memory = malloc(size);
    if (memory != NULL) ++got;
  }
  step("%d", got);
  return 0;
}
