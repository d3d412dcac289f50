// hello: waits at a prompt. It has something in every segment: read-only and written data, bss, a
// heap.
#include "program.h"

static const char constants[64 * kib] = "hello";
static char data[64 * kib] = "world";
static char bss[64 * kib];

int main(void) {
  volatile char* heap = malloc(64 * kib);
  write_pages(heap, 64 * kib);
  read_pages(constants, sizeof constants);
  write_pages(data, sizeof data);
  write_pages(bss, sizeof bss);
  step("hello");
  free((void*)heap);
  return 0;
}
