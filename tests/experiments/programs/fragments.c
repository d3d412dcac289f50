// fragments: takes 64 MiB in pieces of 1 KiB, frees all but the last, then the last too.
#include "program.h"

enum { pieces = 64 * kib };

int main(void) {
  static char* piece[pieces];
  step("start");
  for (int i = 0; i < pieces; ++i) {
    piece[i] = malloc(kib);
    write_pages(piece[i], kib);
  }
  step("allocated");
  for (int i = 0; i < pieces - 1; ++i) free(piece[i]);
  step("freed all but the last");
  free(piece[pieces - 1]);
  step("freed");
  return 0;
}
