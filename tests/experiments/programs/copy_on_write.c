// copy_on_write NAME: fills 100 MiB and forks; the child takes NAME and then overwrites the memory.
#include <sys/prctl.h>
#include <sys/wait.h>

#include "program.h"

enum { size = 100 * mib };

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  char* memory = map_private(size);
  write_pages(memory, size);
  step("filled");
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    if (prctl(PR_SET_NAME, argv[1]) != 0) fail("prctl");
    step("forked %d", getpid());
    write_pages(memory, size);
    step("overwritten");
    return 0;
  }
  wait(NULL);
  return 0;
}
