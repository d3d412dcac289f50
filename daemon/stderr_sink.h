#pragma once

#include <spdlog/sinks/sink.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace memory_exporter {

/// Where spdlog's lines leave for a descriptor that may not take them: a pipe that nobody empties,
/// a terminal that is stopped. A thread of its own writes them and is the only one that waits; what
/// it cannot keep up with is left out and counted. The descriptor's flags stay as they are, because
/// O_NONBLOCK would be in force for everyone who shares it, the shell included. Safe to call from
/// any thread; no call waits for the descriptor.
class StderrSink final : public spdlog::sinks::sink {
 public:
  static constexpr std::size_t most_waiting = std::size_t{64} << 10;  ///< bytes

  /// The descriptor stays the caller's, and has to stay open. Where no thread can be started, lines
  /// are written at once if the descriptor takes them, and left out otherwise.
  explicit StderrSink(int descriptor);
  ~StderrSink() override;  ///< as drain(), for 0.2 s; a thread that hangs is left behind
  StderrSink(const StderrSink&) = delete;
  StderrSink& operator=(const StderrSink&) = delete;

  void log(const spdlog::details::log_msg& message) override;
  void flush() override {}  ///< asked for behind each line; see drain()
  void set_pattern(const std::string&) override {}
  void set_formatter(std::unique_ptr<spdlog::formatter>) override {}

  /// Waits until all lines are written, but no longer than `patience`.
  void drain(std::chrono::milliseconds patience);

  /// Lines that were left out since the start: there was no room, or writing them failed.
  std::uint64_t dropped() const;

 private:
  struct Shared;
  static void run(const std::shared_ptr<Shared>& shared);
  void start_thread();

  const std::shared_ptr<Shared> shared_;
};

}  // namespace memory_exporter
