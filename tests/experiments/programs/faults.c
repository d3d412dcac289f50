// faults PAGES: touches so many pages for the first time.
#include "program.h"

int main(int argc, char** argv) {
  const size_t pages = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  char* memory = map_private(pages * page);
  step("start");
  write_pages(memory, pages * page);
  step("touched");
  return 0;
}
