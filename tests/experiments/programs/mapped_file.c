// mapped_file PATH: maps 64 MiB of a file, reads it, and then writes it.
#include <fcntl.h>

#include "program.h"

enum { size = 64 * mib };

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const int fd = open(argv[1], O_RDWR);
  if (fd < 0) fail(argv[1]);
  step("start");
  char* memory = map_pages(size, MAP_SHARED, fd);
  read_pages(memory, size);
  step("read");
  write_pages(memory, size);
  step("written");
  return 0;
}
