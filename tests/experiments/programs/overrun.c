// overrun SIZE: writes so much memory, once its driver has put it where that is too much.
#include "program.h"

int main(int argc, char** argv) {
  const size_t size = argc > 1 ? strtoull(argv[1], NULL, 10) : mib;
  step("start");
  write_pages(map_private(size), size);
  step("survived");
  return 0;
}
