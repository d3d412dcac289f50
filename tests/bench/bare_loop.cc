// The least that reading every process can cost: for each byte on standard input, lists /proc and
// reads stat, status and smaps_rollup of each process to its end, parses nothing, and answers with
// one line, the number of processes whose smaps_rollup had a text. scrape_cost holds the exporter
// against it.
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>

namespace {

char buffer[64 * 1024];

/// The file's size; 0 where it cannot be read.
long read_file(int proc, const char* path) {
  const int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  long size = 0;
  for (long got; (got = read(fd, buffer, sizeof buffer)) > 0;) size += got;
  close(fd);
  return size;
}

bool read_process(int proc, const char* pid) {
  static constexpr const char* files[] = {"stat", "status", "smaps_rollup"};
  char path[300];
  long size = 0;
  for (const char* file : files) {
    std::snprintf(path, sizeof path, "%s/%s", pid, file);
    size = read_file(proc, path);
  }
  return size > 0;
}

int read_all(int proc) {
  alignas(dirent64) static char block[32 * 1024];
  const int directory = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int processes = 0;
  for (long got; (got = syscall(SYS_getdents64, directory, block, sizeof block)) > 0;) {
    for (long at = 0; at < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(block + at);
      if (std::isdigit(static_cast<unsigned char>(entry->d_name[0]))) {
        processes += read_process(proc, entry->d_name) ? 1 : 0;
      }
      at += entry->d_reclen;
    }
  }
  close(directory);
  return processes;
}

}  // namespace

int main() {
  const int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (proc < 0) {
    std::perror("/proc");
    return 1;
  }
  for (char request; read(STDIN_FILENO, &request, 1) == 1;) {
    std::printf("%d\n", read_all(proc));
    std::fflush(stdout);
  }
  return 0;
}
