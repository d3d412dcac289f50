// shared_memory NAME: writes 64 MiB of POSIX shared memory and forks; the child takes NAME and maps
// the memory by itself.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "program.h"

enum { size = 64 * mib };

static char* map_object(const char* name, int flags) {
  const int fd = shm_open(name, flags, 0600);
  if (fd < 0) fail("shm_open");
  if ((flags & O_CREAT) != 0 && ftruncate(fd, size) != 0) fail("ftruncate");
  char* memory = map_pages(size, MAP_SHARED, fd);
  close(fd);
  return memory;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  char name[32];
  snprintf(name, sizeof name, "/%s", argv[1]);
  step("start");
  char* memory = map_object(name, O_RDWR | O_CREAT | O_EXCL);
  write_pages(memory, size);
  step("written");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    munmap(memory, size);  // what fork() gave it
    if (prctl(PR_SET_NAME, argv[1]) != 0) fail("prctl");
    memory = map_object(name, O_RDWR);
    shm_unlink(name);
    read_pages(memory, size);
    step("shared");
    return 0;
  }
  wait(NULL);
  munmap(memory, size);
  step("unmapped");
  return 0;
}
