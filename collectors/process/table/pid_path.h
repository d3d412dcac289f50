#pragma once

#include <sys/types.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>
#include <string_view>

namespace memory_exporter::process {

/// "PID/file" or "PID/task/TID/file" as a C string, without an allocation.
class PidPath {
 public:
  PidPath(pid_t pid, std::string_view file) {
    number(pid);
    text("/");
    text(file);
  }

  /// Through another thread where the leader has exited and its own files are empty.
  PidPath(pid_t pid, pid_t thread, std::string_view file) {
    number(pid);
    if (thread != pid) {
      text("/task/");
      number(thread);
    }
    text("/");
    text(file);
  }

  const char* c_str() const { return path_.data(); }

 private:
  void number(pid_t value) {
    end_ = std::to_chars(end_, path_.data() + path_.size() - 1, value).ptr;
  }
  void text(std::string_view part) {
    assert(end_ + part.size() < path_.data() + path_.size());
    end_ = std::copy(part.begin(), part.end(), end_);
  }

  std::array<char, 64> path_{};
  char* end_ = path_.data();
};

}  // namespace memory_exporter::process
