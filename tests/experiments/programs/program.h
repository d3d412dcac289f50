// What the programs of the experiments have in common. No stdio on the way: its buffers would be on
// the heap that is watched.
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { page = 4096, kib = 1024, mib = 1024 * 1024 };

static inline void fail(const char* what) {
  perror(what);
  exit(1);
}

/// Says where the program is, as one line, and waits until the driver has looked.
__attribute__((format(printf, 1, 2))) static inline void step(const char* format, ...) {
  char line[128];
  va_list arguments;
  va_start(arguments, format);
  const int size = vsnprintf(line, sizeof line - 1, format, arguments);
  va_end(arguments);
  line[size] = '\n';
  if (write(STDOUT_FILENO, line, (size_t)size + 1) != size + 1) fail("write");
  char answer;
  if (read(STDIN_FILENO, &answer, 1) != 1) exit(0);
}

/// The first malloc makes the heap, 132 KiB at once. Not what an experiment is about.
static inline void make_heap(void) {
  void* memory = malloc(1);
  __asm__ volatile("" : "+r"(memory));  // else the compiler leaves the call out
  free(memory);
}

/// Makes every page resident and dirty.
static inline void write_pages(volatile char* memory, size_t size) {
  for (size_t at = 0; at < size; at += page) memory[at] = 1;
}

/// Makes every page resident.
static inline void read_pages(const volatile char* memory, size_t size) {
  for (size_t at = 0; at < size; at += page) (void)memory[at];
}

/// Maps memory in small pages only, so that each page is one fault.
static inline char* map_pages(size_t size, int flags, int fd) {
  void* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (memory == MAP_FAILED) fail("mmap");
  madvise(memory, size, MADV_NOHUGEPAGE);
  return memory;
}

static inline char* map_private(size_t size) {
  return map_pages(size, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}
