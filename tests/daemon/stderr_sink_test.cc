#include "daemon/stderr_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spdlog/details/log_msg.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>

#include "collectors/base/file_descriptor.h"
#include "tests/support/sanitized.h"

namespace memory_exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

/// A pipe of one page, with a reader that reads when the test says so.
struct Pipe {
  Pipe() {
    std::signal(SIGPIPE, SIG_IGN);  // as in the daemon
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
    reader = FileDescriptor(ends[0]);
    writer = FileDescriptor(ends[1]);
    ::fcntl(writer.get(), F_SETPIPE_SZ, 4096);
  }

  /// What comes until nothing has come for `patience` milliseconds.
  std::string read_all(int patience = 300) const {
    std::string all;
    pollfd ready{reader.get(), POLLIN, 0};
    char block[4096];
    while (::poll(&ready, 1, patience) == 1) {
      const auto got = ::read(reader.get(), block, sizeof block);
      if (got <= 0) break;
      all.append(block, static_cast<std::size_t>(got));
    }
    return all;
  }

  FileDescriptor reader;
  FileDescriptor writer;
};

void write(StderrSink& sink, std::string_view line) {
  sink.log({"", spdlog::level::info, {line.data(), line.size()}});
}

TEST(StderrSink, WritesLinesInTheirOrder) {
  const Pipe pipe;
  StderrSink sink(pipe.writer.get());
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    const auto line = "line " + std::to_string(i);
    write(sink, line);
    expected += line + '\n';
  }
  EXPECT_EQ(pipe.read_all(), expected);
  EXPECT_EQ(sink.dropped(), 0u);
}

TEST(StderrSink, HasWrittenEverythingWhenItIsGone) {
  const Pipe pipe;
  {
    StderrSink sink(pipe.writer.get());
    write(sink, "last words");
  }
  EXPECT_EQ(pipe.read_all(0), "last words\n");
}

TEST(StderrSink, NobodyWaitsForAPipeThatIsFullAndTheRestIsCounted) {
  const Pipe pipe;
  std::optional<StderrSink> sink(std::in_place, pipe.writer.get());
  const std::string line(999, 'x');
  const auto start = steady_clock::now();
  constexpr std::size_t lines = 1000;
  for (std::size_t i = 0; i < lines; ++i) write(*sink, line);
  sink->drain(milliseconds(50));
  EXPECT_LT(steady_clock::now() - start, seconds(1));
  EXPECT_GT(sink->dropped(), lines / 2);

  const auto text = pipe.read_all();
  EXPECT_EQ(text.size() % 1000, 0u) << "whole lines";
  EXPECT_EQ(text.size() / 1000 + sink->dropped(), lines);
  write(*sink, "news");
  EXPECT_EQ(pipe.read_all(), "news\n");
}

TEST(StderrSink, EndsThoughThePipeStaysFull) {
  const Pipe pipe;
  const auto start = steady_clock::now();
  {
    StderrSink sink(pipe.writer.get());
    for (int i = 0; i < 100; ++i) write(sink, std::string(999, 'x'));
  }
  EXPECT_LT(steady_clock::now() - start, seconds(1));
}

/// The flags belong to everyone who has the same terminal open.
TEST(StderrSink, LeavesTheFlagsOfTheDescriptorAlone) {
  const Pipe pipe;
  const auto before = ::fcntl(pipe.writer.get(), F_GETFL);
  StderrSink sink(pipe.writer.get());
  write(sink, "line");
  sink.drain(seconds(1));
  EXPECT_EQ(::fcntl(pipe.writer.get(), F_GETFL), before);
}

TEST(StderrSink, WaitsForADescriptorThatSomebodyMadeNonBlocking) {
  const Pipe pipe;
  ::fcntl(pipe.writer.get(), F_SETFL, O_NONBLOCK);
  StderrSink sink(pipe.writer.get());
  for (int i = 0; i < 20; ++i) write(sink, std::string(999, 'x'));
  EXPECT_EQ(pipe.read_all().size(), 20'000u);
  EXPECT_EQ(sink.dropped(), 0u);
}

TEST(StderrSink, CountsWhatCannotBeWrittenAtAll) {
  const FileDescriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  StderrSink sink(full.get());
  write(sink, "line");
  sink.drain(seconds(1));
  EXPECT_EQ(sink.dropped(), 1u);
}

/// In a child whose limit of address space leaves no room for a stack. Started anew, because libc
/// keeps the stacks of threads that have ended.
TEST(StderrSink, WithoutAThreadWritesWhatFitsAndNeverWaits) {
  if (testing::sanitized) GTEST_SKIP() << "a sanitizer needs address space of its own";
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(
      {
        const Pipe pipe;
        rlimit limit{};
        ::getrlimit(RLIMIT_AS, &limit);
        limit.rlim_cur = 1;
        ::setrlimit(RLIMIT_AS, &limit);
        StderrSink sink(pipe.writer.get());
        for (int i = 0; i < 20; ++i) write(sink, std::string(999, 'x'));
        const auto written = 20 - sink.dropped();
        const auto text = pipe.read_all(0);
        std::_Exit(written > 0 && written < 20 && text.size() == written * 1000 ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace memory_exporter
