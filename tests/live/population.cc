// Starts processes whose memory is known, stops them with SIGSTOP so that it stays as it is, and
// prints the truth about them as one line of JSON:
//
//   population KIND:COUNT:MIB:NAME...
//
//   {"processes": [{"pid": 7, "name": "pop_shm", "kind": "shmem", "anon": 0, "file": 0,
//                   "shmem": 8388608, "pss": 4194304, "uss": 0}, ...]}
//
// COUNT processes, each called NAME (its comm) and each mapping MIB MiB of KIND:
//
//   private  anonymous memory, written
//   cow      anonymous memory written before fork(); each child then wrote one half again, so one
//            half is common to all COUNT and the other half is everyone's own
//   file     a file, mapped shared and read
//   library  a file, mapped private and executable and read, as the dynamic linker does
//   shmem    POSIX-like shared memory (memfd), mapped shared and written
//   swapped  anonymous memory, written and handed to the swap device (MADV_PAGEOUT); as much as the
//            kernel took: its truth is for the reader to find
//   swapped_shmem  the same with shared memory; of use with COUNT 1, the kernel keeps what two map
//
// The figures are bytes of that memory alone; the process itself comes to some 100 KiB more. The
// program is linked statically, so that no process outside shares its pages. It ends, and kills what
// it started, when standard input ends; should it die itself, the kernel kills them.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr std::size_t page_size = 4096;

struct Group {
  std::string kind;
  std::size_t count = 0;
  std::size_t bytes = 0;
  std::string name;
};

std::vector<pid_t> started;

[[noreturn]] void fail(const std::string& what) {
  std::perror(("population: " + what).c_str());
  for (const auto pid : started) kill(pid, SIGKILL);
  std::exit(1);
}

Group parse_group(const std::string& text) {
  const auto first = text.find(':');
  const auto second = text.find(':', first + 1);
  const auto third = text.find(':', second + 1);
  if (third == std::string::npos) {
    std::fprintf(stderr, "population: expected KIND:COUNT:MIB:NAME, got \"%s\"\n", text.c_str());
    std::exit(2);
  }
  Group group;
  group.kind = text.substr(0, first);
  group.count = std::strtoul(text.c_str() + first + 1, nullptr, 10);
  group.bytes = std::strtoul(text.c_str() + second + 1, nullptr, 10) << 20;
  group.name = text.substr(third + 1);
  return group;
}

char* map(std::size_t bytes, int protection, int flags, int fd) {
  void* memory = mmap(nullptr, bytes, protection, flags, fd, 0);
  if (memory == MAP_FAILED) fail("mmap");
  // Small pages: what is written is what is resident.
  madvise(memory, bytes, MADV_NOHUGEPAGE);
  return static_cast<char*>(memory);
}

void write_pages(char* memory, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += page_size) memory[at] = 1;
}

void read_pages(const char* memory, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += page_size) {
    static_cast<void>(*static_cast<const volatile char*>(memory + at));
  }
}

/// An unlinked file on a disk (in a tmpfs its pages would be shared memory).
int make_file(std::size_t bytes) {
  char path[] = "/var/tmp/population.XXXXXX";
  const int fd = mkstemp(path);
  if (fd < 0) fail(path);
  unlink(path);
  const std::vector<char> block(64 << 10, 'x');
  for (std::size_t at = 0; at < bytes; at += block.size()) {
    if (write(fd, block.data(), block.size()) != static_cast<ssize_t>(block.size())) fail("write");
  }
  fsync(fd);
  return fd;
}

/// What the processes of a group have in common, made before the first fork().
struct Common {
  int fd = -1;
  char* memory = nullptr;
};

Common make_common(const Group& group) {
  Common common;
  if (group.kind == "file" || group.kind == "library") common.fd = make_file(group.bytes);
  if (group.kind == "shmem" || group.kind == "swapped_shmem") {
    common.fd = memfd_create("population", MFD_CLOEXEC);
    if (common.fd < 0 || ftruncate(common.fd, static_cast<off_t>(group.bytes)) != 0) fail("memfd");
  }
  return common;
}

/// Hands memory to the swap device. A page may be busy at the first try.
void page_out(char* memory, std::size_t bytes) {
  for (int i = 0; i < 5; ++i) {
    if (madvise(memory, bytes, MADV_PAGEOUT) != 0) fail("madvise(MADV_PAGEOUT)");
    usleep(20'000);
  }
}

/// In a process of the group: takes its memory.
void take(const Group& group, const Common& common) {
  const auto bytes = group.bytes;
  if (group.kind == "private") {
    write_pages(map(bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1), bytes);
  } else if (group.kind == "cow") {
    write_pages(common.memory, bytes / 2);
  } else if (group.kind == "file") {
    read_pages(map(bytes, PROT_READ, MAP_SHARED, common.fd), bytes);
  } else if (group.kind == "library") {
    read_pages(map(bytes, PROT_READ | PROT_EXEC, MAP_PRIVATE, common.fd), bytes);
  } else if (group.kind == "shmem") {
    write_pages(map(bytes, PROT_READ | PROT_WRITE, MAP_SHARED, common.fd), bytes);
  } else if (group.kind == "swapped") {
    auto* memory = map(bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    write_pages(memory, bytes);
    page_out(memory, bytes);
  } else if (group.kind == "swapped_shmem") {
    auto* memory = map(bytes, PROT_READ | PROT_WRITE, MAP_SHARED, common.fd);
    write_pages(memory, bytes);
    page_out(memory, bytes);
  }
}

/// Forks a process that is called `name`, runs `prepare`, and stops.
template <typename Prepare>
pid_t start(const std::string& name, Prepare&& prepare) {
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, name.c_str());
  prepare();
  raise(SIGSTOP);
  _exit(0);
}

void wait_until_stopped(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status)) fail("a process ended early");
}

/// The first of a copy-on-write family: fills memory, forks the others, and stops. It passes their
/// pids through `pipe_end`; they live and die with it.
void lead_family(const Group& group, int pipe_end) {
  Common common;
  common.memory = map(group.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  write_pages(common.memory, group.bytes);
  for (std::size_t i = 1; i < group.count; ++i) {
    const auto pid = start(group.name, [&] { take(group, common); });
    wait_until_stopped(pid);
    if (write(pipe_end, &pid, sizeof pid) != sizeof pid) fail("pipe");
  }
  close(pipe_end);
}

std::vector<pid_t> start_group(const Group& group) {
  std::vector<pid_t> pids;
  if (group.kind == "cow") {
    int ends[2];
    if (pipe(ends) != 0) fail("pipe");
    pids.push_back(start(group.name, [&] {
      close(ends[0]);
      lead_family(group, ends[1]);
    }));
    started.push_back(pids.back());
    close(ends[1]);  // the family keeps its ends open, so the count says when all are there
    while (pids.size() < group.count) {
      pid_t pid = 0;
      if (read(ends[0], &pid, sizeof pid) != sizeof pid) fail("a family ended early");
      pids.push_back(pid);
      started.push_back(pid);
    }
    close(ends[0]);
    wait_until_stopped(pids.front());
    return pids;
  }
  const auto common = make_common(group);
  for (std::size_t i = 0; i < group.count; ++i) {
    pids.push_back(start(group.name, [&] { take(group, common); }));
    started.push_back(pids.back());
  }
  for (const auto pid : pids) wait_until_stopped(pid);
  if (common.fd >= 0) close(common.fd);
  return pids;
}

std::string json_string(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (static_cast<unsigned char>(c) < ' ') {
      char escape[7];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
      quoted += escape;
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

void print_truth(const Group& group, pid_t pid, bool& first) {
  std::printf("%s{\"pid\": %d, \"name\": %s, \"kind\": \"%s\"", first ? "" : ", ", pid,
              json_string(group.name).c_str(), group.kind.c_str());
  first = false;
  if (!group.kind.starts_with("swapped")) {
    const bool anonymous = group.kind == "private" || group.kind == "cow";
    const bool shmem = group.kind == "shmem";
    const auto common = group.kind == "cow"       ? group.bytes / 2
                        : group.kind == "private" ? 0
                                                  : group.bytes;
    const auto own = group.bytes - common;
    std::printf(", \"anon\": %zu, \"file\": %zu, \"shmem\": %zu, \"pss\": %zu, \"uss\": %zu",
                anonymous ? group.bytes : 0, anonymous || shmem ? 0 : group.bytes,
                shmem ? group.bytes : 0, own + common / group.count,
                group.count == 1 ? group.bytes : own);
  }
  std::printf("}");
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Group> groups;
  for (int i = 1; i < argc; ++i) groups.push_back(parse_group(argv[i]));
  bool first = true;
  std::vector<std::vector<pid_t>> pids;
  for (const auto& group : groups) pids.push_back(start_group(group));
  std::printf("{\"processes\": [");
  for (std::size_t i = 0; i < groups.size(); ++i) {
    for (const auto pid : pids[i]) print_truth(groups[i], pid, first);
  }
  std::printf("]}\n");
  std::fflush(stdout);

  for (char ignored; read(STDIN_FILENO, &ignored, 1) > 0;) {
  }
  for (const auto pid : started) kill(pid, SIGKILL);
  while (wait(nullptr) > 0) {
  }
  return 0;
}
