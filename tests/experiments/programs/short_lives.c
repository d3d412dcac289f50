// short_lives PER_SECOND SECONDS: starts so many children every second, each of which writes a page
// or two and ends after a few milliseconds.
#include <sys/wait.h>
#include <time.h>

#include "program.h"

static char memory[16 * page];

static void live(int number) {
  write_pages(memory, sizeof memory);
  usleep((useconds_t)(number % 10) * 1000);
  _exit(0);
}

static long nanoseconds_since(const struct timespec* start) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (now.tv_sec - start->tv_sec) * 1000000000L + now.tv_nsec - start->tv_nsec;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int per_second = atoi(argv[1]);
  const int count = per_second * atoi(argv[2]);
  step("start");
  struct timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (int i = 0; i < count; ++i) {
    const long due = 1000000000L / per_second * i;
    const long early = due - nanoseconds_since(&start);
    if (early > 0) usleep((useconds_t)(early / 1000));
    const pid_t child = fork();
    if (child < 0) fail("fork");
    if (child == 0) live(i);
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
  }
  while (wait(NULL) > 0) {
  }
  step("%ld", nanoseconds_since(&start) / 1000000);
  return 0;
}
