// Starts processes whose memory is known, stops them with SIGSTOP so that it stays as it is, and
// prints the truth about them as one line of JSON:
//
//   population KIND[,OPTION=N]...:COUNT:MIB:NAME...
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
// Three kinds move once they are continued (SIGCONT):
//
//   awake     anonymous memory, written; wakes up twice a second and does nothing
//   changing  anonymous memory that it keeps dirtying: written piece by piece over ten seconds,
//   then
//             given back at once and begun anew, all such processes in step
//   forking   twice a second forks a child, which writes the memory, keeps it for 250 ms and ends
//
// and two options go with all kinds: threads=N for processes of N threads, and names=1 for NAME0,
// NAME1... instead of the same name for all.
//
// The figures are bytes of that memory alone; the process itself comes to some 100 KiB more, and
// what a kind that moves has at the moment is in "pss". Each line of standard input asks for the
// truth anew: {"moving": BYTES}, the sum of all that moves. The program is linked statically, so
// that no process outside shares its pages. It ends, and kills what it started, when standard input
// ends; should it die itself, the kernel kills them.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t page_size = 4096;

struct Group {
  std::string kind;
  std::size_t count = 0;
  std::size_t bytes = 0;
  std::string name;
  std::size_t threads = 1;
  bool own_names = false;

  std::string name_of(std::size_t number) const {
    return own_names ? name + std::to_string(number) : name;
  }
};

/// What all that moves has written and not given back, in bytes.
std::atomic<std::size_t>* moving = nullptr;

std::vector<pid_t> started;

[[noreturn]] void fail(const std::string& what) {
  std::perror(("population: " + what).c_str());
  for (const auto pid : started) kill(pid, SIGKILL);
  std::exit(1);
}

[[noreturn]] void misused(const std::string& text) {
  std::fprintf(stderr, "population: expected KIND[,OPTION=N]...:COUNT:MIB:NAME, got \"%s\"\n",
               text.c_str());
  std::exit(2);
}

void parse_option(Group& group, const std::string& option, const std::string& text) {
  const auto equals = option.find('=');
  const auto name = option.substr(0, equals);
  if (equals == std::string::npos || (name != "threads" && name != "names")) misused(text);
  const auto value = std::strtoul(option.c_str() + equals + 1, nullptr, 10);
  if (name == "threads") group.threads = value;
  if (name == "names") group.own_names = value != 0;
}

Group parse_group(const std::string& text) {
  const auto first = text.find(':');
  const auto second = text.find(':', first + 1);
  const auto third = text.find(':', second + 1);
  if (third == std::string::npos) misused(text);
  Group group;
  auto options = text.substr(0, first);
  for (auto comma = options.rfind(','); comma != std::string::npos; comma = options.rfind(',')) {
    parse_option(group, options.substr(comma + 1), text);
    options.resize(comma);
  }
  group.kind = options;
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

void sleep_for(double seconds) {
  const auto whole = static_cast<time_t>(seconds);
  timespec time{whole, static_cast<long>((seconds - static_cast<double>(whole)) * 1e9)};
  nanosleep(&time, nullptr);
}

double monotonic_seconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// Never returns. The clock says how much is to be written, so that all who do this are in step.
[[noreturn]] void keep_changing(char* memory, std::size_t bytes) {
  constexpr double period = 10;
  const auto pages = bytes / page_size;
  std::size_t written = 0;
  while (true) {
    const double turns = monotonic_seconds() / period;
    const double share = turns - static_cast<double>(static_cast<std::size_t>(turns));
    const auto wanted = static_cast<std::size_t>(share * static_cast<double>(pages));
    if (wanted < written) {
      madvise(memory, bytes, MADV_DONTNEED);
      *moving -= written * page_size;
      written = 0;
    }
    const auto more = wanted - written;
    write_pages(memory + written * page_size, more * page_size);
    *moving += more * page_size;
    written = wanted;
    sleep_for(0.1);
  }
}

[[noreturn]] void keep_forking(char* memory, std::size_t bytes) {
  while (true) {
    const pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      write_pages(memory, bytes);
      *moving += bytes;
      sleep_for(0.25);
      *moving -= bytes;
      _exit(0);
    }
    waitpid(child, nullptr, 0);
    sleep_for(0.25);
  }
}

/// In a process that was stopped and is continued: moves, if that is its kind.
void move(const Group& group) {
  if (group.kind == "awake") {
    while (true) sleep_for(0.5);
  }
  if (group.kind != "changing" && group.kind != "forking") return;
  auto* memory = map(group.bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
  if (group.kind == "changing") keep_changing(memory, group.bytes);
  keep_forking(memory, group.bytes);
}

/// In a process of the group: takes its memory.
void take(const Group& group, const Common& common) {
  for (std::size_t i = 1; i < group.threads; ++i) {
    std::thread([] {
      while (true) pause();
    }).detach();
  }
  const auto bytes = group.bytes;
  if (bytes == 0) return;  // the process alone
  if (group.kind == "private" || group.kind == "awake") {
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
pid_t start(const Group& group, std::size_t number, Prepare&& prepare) {
  const pid_t pid = fork();
  if (pid < 0) fail("fork");
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_NAME, group.name_of(number).c_str());
  prepare();
  raise(SIGSTOP);
  move(group);
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
    const auto pid = start(group, i, [&] { take(group, common); });
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
    pids.push_back(start(group, 0, [&] {
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
    pids.push_back(start(group, i, [&] { take(group, common); }));
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

void print_truth(const Group& group, std::size_t number, pid_t pid, bool& first) {
  std::printf("%s{\"pid\": %d, \"name\": %s, \"kind\": \"%s\"", first ? "" : ", ", pid,
              json_string(group.name_of(number)).c_str(), group.kind.c_str());
  first = false;
  if (group.kind == "changing" || group.kind == "forking") {
    std::printf(", \"anon\": 0, \"file\": 0, \"shmem\": 0, \"pss\": 0, \"uss\": 0");
  } else if (!group.kind.starts_with("swapped")) {
    const bool anonymous = group.kind == "private" || group.kind == "awake" || group.kind == "cow";
    const bool shmem = group.kind == "shmem";
    const auto common = group.kind == "cow"                                        ? group.bytes / 2
                        : group.kind == "file" || group.kind == "library" || shmem ? group.bytes
                                                                                   : 0;
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
  moving = new (mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
      std::atomic<std::size_t>(0);
  std::vector<Group> groups;
  for (int i = 1; i < argc; ++i) groups.push_back(parse_group(argv[i]));
  bool first = true;
  std::vector<std::vector<pid_t>> pids;
  for (const auto& group : groups) pids.push_back(start_group(group));
  std::printf("{\"processes\": [");
  for (std::size_t i = 0; i < groups.size(); ++i) {
    for (std::size_t number = 0; number < pids[i].size(); ++number) {
      print_truth(groups[i], number, pids[i][number], first);
    }
  }
  std::printf("]}\n");
  std::fflush(stdout);

  for (char byte; read(STDIN_FILENO, &byte, 1) > 0;) {
    if (byte != '\n') continue;
    std::printf("{\"moving\": %zu}\n", moving->load());
    std::fflush(stdout);
  }
  for (const auto pid : started) kill(pid, SIGKILL);
  while (wait(nullptr) > 0) {
  }
  return 0;
}
