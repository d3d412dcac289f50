// library_host PATH: loads a library and keeps it.
#include <dlfcn.h>

#include "program.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (dlopen(argv[1], RTLD_NOW) == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  step("loaded");
  step("replaced");
  return 0;
}
