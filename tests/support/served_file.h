#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>
#include <utility>

namespace memory_exporter::testing {

/// A file whose reader gets `text` once `meanwhile` is done: what happens to a process between two
/// reads of it. One reader, once.
class ServedFile {
 public:
  ServedFile(std::string path, std::string text, std::function<void()> meanwhile)
      : path_(std::move(path)) {
    ::unlink(path_.c_str());
    EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    thread_ = std::thread([file = path_, text = std::move(text), work = std::move(meanwhile)] {
      const int writer = ::open(file.c_str(), O_WRONLY);  // returns with the reader's open
      work();
      EXPECT_EQ(::write(writer, text.data(), text.size()), static_cast<ssize_t>(text.size()));
      ::close(writer);
    });
  }
  ~ServedFile() { thread_.join(); }
  ServedFile(const ServedFile&) = delete;
  ServedFile& operator=(const ServedFile&) = delete;

 private:
  std::string path_;
  std::thread thread_;
};

/// From start() on, this process can open nothing: EMFILE.
class NoDescriptors {
 public:
  NoDescriptors() { ::getrlimit(RLIMIT_NOFILE, &usual_); }
  ~NoDescriptors() { stop(); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

  void start() {
    const rlimit none{0, usual_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  }
  void stop() { EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &usual_), 0); }

 private:
  rlimit usual_{};
};

}  // namespace memory_exporter::testing
