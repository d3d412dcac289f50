// Processes in numbers, for the tests in this folder. Each line is a way to call it:
//
//   crowd sleep COUNT [NAME]        COUNT processes that sleep: c00000, c00001... or all called
//   NAME crowd rename COUNT HZ           the same, and each takes a name that never was HZ times a
//   second crowd fork RATE MS               RATE processes a second; each writes 64 KiB, lives for
//   MS and ends crowd churn COUNT MS            COUNT processes that each live for some MS and are
//   replaced: they
//                                   write up to 4 MiB, give half back, write it again, start
//                                   threads, take one of 40 names; some fork children that share
//                                   their memory
//
// It prints "ready" once the first processes are there and ends when standard input does, with
// "N started". The kernel kills what it started. It is linked statically, so that no process
// outside shares its pages.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t page_size = 4096;

void take_name(const std::string& name) {
  ::prctl(PR_SET_NAME, name.c_str());
}

void sleep_for(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

[[noreturn]] void sleep_for_ever() {
  while (true) ::pause();
}

void write_pages(char* memory, std::size_t size) {
  for (std::size_t at = 0; at < size; at += page_size) memory[at] = 1;
}

/// A child that runs `life` and ends with it, or with its parent. -1 where none can be had.
template <typename Life>
pid_t start(const Life& life) {
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(0);
  ::close(STDIN_FILENO);
  ::close(STDOUT_FILENO);
  life();
  ::_exit(0);
}

bool input_ended(milliseconds wait) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (::poll(&input, 1, static_cast<int>(wait.count())) <= 0) return false;
  char byte = 0;
  return ::read(STDIN_FILENO, &byte, 1) <= 0;
}

void say_ready() {
  std::puts("ready");
  std::fflush(stdout);
}

std::string numbered(const char* form, std::size_t number) {
  char name[16];
  std::snprintf(name, sizeof name, form, number % 10'000'000);
  return name;
}

std::size_t sleepers(std::size_t count, const char* name) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto pid = start([&] {
      take_name(name != nullptr ? name : numbered("c%05zu", i));
      sleep_for_ever();
    });
    if (pid < 0) return i;
  }
  say_ready();
  while (!input_ended(milliseconds(60'000))) {
  }
  return count;
}

std::size_t renaming(std::size_t count, double hz) {
  for (std::size_t i = 0; i < count; ++i) {
    const auto pid = start([&] {
      const auto mine = numbered("%05zu-", i);
      for (std::size_t turn = 0;; ++turn) {
        take_name(mine + numbered("%zu", turn));
        sleep_for(1 / hz);
      }
    });
    if (pid < 0) return i;
  }
  say_ready();
  while (!input_ended(milliseconds(60'000))) {
  }
  return count;
}

std::size_t reap() {
  std::size_t ended = 0;
  while (::waitpid(-1, nullptr, WNOHANG) > 0) ++ended;
  return ended;
}

std::size_t forking(double rate, milliseconds live) {
  std::size_t started = 0;
  say_ready();
  const auto began = Clock::now();
  while (!input_ended(milliseconds(1))) {
    // What a busy machine does not come to now, it is not to catch up with for ever.
    const std::chrono::duration<double> passed = Clock::now() - began;
    while (static_cast<double>(started) < passed.count() * rate) {
      const auto pid = start([&] {
        std::vector<char> memory(64 * 1024);
        write_pages(memory.data(), memory.size());
        std::this_thread::sleep_for(live);
      });
      if (pid < 0) break;
      ++started;
      reap();
    }
    reap();
  }
  return started;
}

/// One process of the churn, whose doings its seed decides.
void live_in_churn(unsigned seed, milliseconds life) {
  std::minstd_rand random(seed);
  const auto below = [&](unsigned limit) { return static_cast<unsigned>(random() / 7 % limit); };
  take_name(numbered("churn-%zu", below(40)));
  const auto size = page_size * (1 + below(1024));
  auto* memory = static_cast<char*>(std::aligned_alloc(page_size, size));
  write_pages(memory, size);
  std::vector<std::thread> threads;
  for (unsigned i = below(4); i > 0; --i) threads.emplace_back([] { sleep_for_ever(); });
  pid_t child = 0;
  if (threads.empty() && below(4) == 0) {
    child = start([&] {
      write_pages(memory, size / 2);
      sleep_for_ever();
    });
  }
  const auto third = life * (50 + below(100)) / 300;
  std::this_thread::sleep_for(third);
  ::madvise(memory, size / 2, MADV_DONTNEED);
  std::this_thread::sleep_for(third);
  write_pages(memory, size);
  std::this_thread::sleep_for(third);
  if (child > 0) {
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
  }
  ::_exit(0);
}

std::size_t churn(std::size_t count, milliseconds life) {
  std::size_t started = 0;
  std::size_t living = 0;
  bool ready = false;
  do {
    while (living < count) {
      const auto seed = static_cast<unsigned>(started);
      if (start([&] { live_in_churn(seed, life); }) < 0) break;
      ++started;
      ++living;
    }
    if (!std::exchange(ready, true)) say_ready();
    living -= reap();
  } while (!input_ended(milliseconds(5)));
  return started;
}

}  // namespace

int main(int argc, char** argv) {
  const auto number = [&](int at) { return at < argc ? std::atof(argv[at]) : 0; };
  const std::string kind = argc > 2 ? argv[1] : "";
  const auto count = static_cast<std::size_t>(number(2));
  std::size_t started = 0;
  if (kind == "sleep") {
    started = sleepers(count, argc > 3 ? argv[3] : nullptr);
  } else if (kind == "rename") {
    started = renaming(count, number(3));
  } else if (kind == "fork") {
    started = forking(number(2), milliseconds(static_cast<int>(number(3))));
  } else if (kind == "churn") {
    started = churn(count, milliseconds(static_cast<int>(number(3))));
  } else {
    std::fputs("crowd: see the head of crowd.cc\n", stderr);
    return 2;
  }
  std::printf("%zu started\n", started);
  return 0;
}
