// Says whether kcmp(2) may compare the memory of this process with its parent's: what the exporter
// asks to tell a vfork child. Linked statically, to run in an image that has no other libraries.
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

int main() {
  const long order = syscall(SYS_kcmp, getppid(), getpid(), KCMP_VM, 0, 0);
  if (order < 0) {
    std::printf("kcmp: refused: %s\n", std::strerror(errno));
    return 1;
  }
  std::printf("kcmp: answered %ld\n", order);
  return 0;
}
