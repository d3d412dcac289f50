// stack untouched|written DEPTH...: calls itself, each time with an array of 1,000 KiB on the
// stack, and halts at each of the depths. Built without stack-clash protection, which touches every
// page that a function takes.
#include <stdbool.h>
#include <string.h>

#include "program.h"

static bool write_arrays;
static int* halts;  ///< the depths to halt at, in rising order, 0 at the end

static void call(int depth) {
  volatile char array[1000 * kib];
  __asm__ volatile("" : : "r"(array) : "memory");
  if (write_arrays) write_pages(array, sizeof array);
  if (depth == *halts) {
    step("%d", depth);
    ++halts;
  }
  if (*halts != 0) call(depth + 1);
  __asm__ volatile("" : : "r"(array) : "memory");  // the array lives until the call returns
}

int main(int argc, char** argv) {
  int depths[16] = {0};
  for (int i = 2; i < argc; ++i) depths[i - 2] = atoi(argv[i]);
  halts = depths;
  write_arrays = strcmp(argv[1], "written") == 0;
  step("start");
  call(1);
  step("returned");
  return 0;
}
