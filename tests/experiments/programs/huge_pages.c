// huge_pages transparent|pool: writes 16 MiB, in huge pages as the kernel finds them (THP), or from
// the pool that the administrator has set aside (hugetlb).
#include <stdint.h>
#include <string.h>

#include "program.h"

enum { huge_page = 2 * mib, size = 16 * mib };

static char* map_transparent(void) {
  char* memory =
      mmap(NULL, size + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("mmap");
  memory += (huge_page - (uintptr_t)memory % huge_page) % huge_page;
  if (madvise(memory, size, MADV_HUGEPAGE) != 0) fail("madvise(MADV_HUGEPAGE)");
  return memory;
}

static char* map_pool(void) {
  char* memory =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
  if (memory == MAP_FAILED) fail("mmap(MAP_HUGETLB)");
  return memory;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  step("start");
  char* memory = strcmp(argv[1], "pool") == 0 ? map_pool() : map_transparent();
  write_pages(memory, size);
  step("written");
  return 0;
}
