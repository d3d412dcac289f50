#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <map>
#include <string_view>

namespace memory_exporter::testing {

inline constexpr std::size_t mebibyte = 1024 * 1024;

/// What a child does before it waits to be killed. Its role's name becomes its comm.
using Role = void (*)();
using Roles = std::map<std::string_view, Role>;

/// A child says that its work is done; Child::await_ready() returns.
inline void tell_ready() {
  EXPECT_EQ(::write(STDOUT_FILENO, "r", 1), 1);
}

[[noreturn]] inline void wait_to_be_killed() {
  while (true) ::pause();
}

/// A second process with the pages of the first, until that one dies. Returns when its work is
/// done.
template <typename Work>
pid_t fork_sharer(Work&& work) {
  int done[2];
  EXPECT_EQ(::pipe(done), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    work();
    ::close(done[1]);
    wait_to_be_killed();
  }
  ::close(done[1]);
  char byte;
  EXPECT_EQ(::read(done[0], &byte, 1), 0);  // the end of the pipe
  ::close(done[0]);
  return pid;
}

inline char* map_memory(std::size_t size, int flags = MAP_PRIVATE | MAP_ANONYMOUS, int file = -1) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, file, 0);
  EXPECT_NE(memory, MAP_FAILED);
  if ((flags & MAP_ANONYMOUS) != 0) ::madvise(memory, size, MADV_NOHUGEPAGE);
  return static_cast<char*>(memory);
}

/// Writes to every page.
inline char* written(char* memory, std::size_t size) {
  for (std::size_t at = 0; at < size; at += 4096) memory[at] = 'x';
  return memory;
}

/// Reads from every page.
inline void touch(const char* memory, std::size_t size) {
  for (std::size_t at = 0; at < size; at += 4096) {
    static_cast<void>(*static_cast<const volatile char*>(memory + at));
  }
}

/// Private memory with every page of it in use.
inline char* private_memory(std::size_t size) {
  return written(map_memory(size), size);
}

/// A real process in a role. It runs this test program anew, so that it shares no written page with
/// the test: what the test does moves nothing in it.
class Child {
 public:
  explicit Child(const char* role) {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(ready[1], STDOUT_FILENO);
      ::execl("/proc/self/exe", "child", "--child", role, nullptr);
      ::_exit(1);
    }
    ::close(ready[1]);
    ready_ = ready[0];
    await_ready();
  }
  ~Child() {
    end();
    ::close(ready_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void await_ready() const {
    char byte;
    EXPECT_EQ(::read(ready_, &byte, 1), 1);
  }
  void signal(int number) const { ::kill(pid_, number); }
  void freeze() const {
    signal(SIGSTOP);
    int status = 0;
    ::waitpid(pid_, &status, WUNTRACED);
    EXPECT_TRUE(WIFSTOPPED(status));
  }
  void end() {
    if (pid_ <= 0) return;
    signal(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  int ready_ = -1;
};

/// main() of a test program whose children have roles.
inline int run_tests_or_role(int argc, char** argv, const Roles& roles) {
  if (argc == 3 && std::string_view(argv[1]) == "--child") {
    ::prctl(PR_SET_NAME, argv[2]);
    roles.at(argv[2])();
    tell_ready();
    wait_to_be_killed();
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}

}  // namespace memory_exporter::testing
