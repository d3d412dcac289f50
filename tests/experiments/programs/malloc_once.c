// malloc_once: takes 1 MiB, writes it, frees it.
#include "program.h"

int main(void) {
  make_heap();
  step("start");
  volatile char* memory = malloc(mib);
  step("allocated");
  write_pages(memory, mib);
  step("written");
  free((void*)memory);
  step("freed");
  return 0;
}
