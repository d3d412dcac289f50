#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "collectors/procfs/reader.h"

namespace memory_exporter::testing {

/// The daemon as an operator runs it: a child process with its output in pipes. Ended with the
/// object, should it still run.
class Command {
 public:
  /// `as_nobody`: gives up root first, where the test has it.
  explicit Command(std::vector<std::string> arguments, bool as_nobody = false) {
    arguments.insert(arguments.begin(), MEMORY_EXPORTER_BINARY);
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int out[2];
    int err[2];
    if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0) std::abort();
    const int program = ::open(argv[0], O_RDONLY | O_CLOEXEC);
    pid_ = ::fork();
    if (pid_ == 0) {
      constexpr uid_t nobody = 65534;
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(err[1], STDERR_FILENO);
      const bool dropped =
          !as_nobody || ::geteuid() != 0 || ::setresuid(nobody, nobody, nobody) == 0;
      // By its descriptor: nobody may not enter the folder that it was built in, where that is
      // root's.
      if (dropped) ::fexecve(program, argv.data(), environ);
      ::_exit(99);
    }
    ::close(out[1]);
    ::close(err[1]);
    ::close(program);
    out_ = FileDescriptor(out[0]);
    err_ = FileDescriptor(err[0]);
  }
  ~Command() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  pid_t pid() const { return pid_; }
  void signal(int number) const { ::kill(pid_, number); }

  struct Outcome {
    int exit_code = -1;  ///< 128 + the signal's number where one ended it
    std::string out;
    std::string err;
    std::chrono::nanoseconds took{};
  };

  /// Reads all it prints and waits for its end.
  Outcome finish() {
    Outcome outcome;
    const auto start = std::chrono::steady_clock::now();
    std::thread out([&] { outcome.out = read_all(out_.get()); });
    outcome.err = std::exchange(log_, "") + read_all(err_.get());
    out.join();
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    outcome.took = std::chrono::steady_clock::now() - start;
    outcome.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return outcome;
  }

  /// Reads its log until a line has `text` in it, and returns that line; empty when the log ends or
  /// is silent for ten seconds.
  std::string wait_for_log(std::string_view text) {
    while (true) {
      const auto end = unread_.find('\n');
      if (end != std::string::npos) {
        const auto line = unread_.substr(0, end);
        unread_.erase(0, end + 1);
        if (line.find(text) != std::string::npos) return line;
        continue;
      }
      pollfd ready{err_.get(), POLLIN, 0};
      if (::poll(&ready, 1, 10'000) <= 0) return {};
      char block[4096];
      const auto got = ::read(err_.get(), block, sizeof(block));
      if (got <= 0) return {};
      unread_.append(block, static_cast<std::size_t>(got));
      log_.append(block, static_cast<std::size_t>(got));
    }
  }

  /// The port that its log says it listens on; 0 when it does not.
  std::uint16_t wait_for_port() {
    const auto line = wait_for_log("msg=listening");
    const auto at = line.find("address=127.0.0.1:");
    if (at == std::string::npos) return 0;
    return static_cast<std::uint16_t>(std::stoi(line.substr(at + 18)));
  }

 private:
  static std::string read_all(int fd) {
    std::string all;
    char block[65536];
    while (true) {
      const auto got = ::read(fd, block, sizeof(block));
      if (got <= 0) return all;
      all.append(block, static_cast<std::size_t>(got));
    }
  }

  pid_t pid_ = -1;
  FileDescriptor out_;
  FileDescriptor err_;
  std::string log_;     ///< what wait_for_log() has read
  std::string unread_;  ///< of that, what it has not looked at
};

inline Command::Outcome run(std::vector<std::string> arguments, bool as_nobody = false) {
  return Command(std::move(arguments), as_nobody).finish();
}

}  // namespace memory_exporter::testing
