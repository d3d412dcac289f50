#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "config/log_choice.h"
#include "daemon/repeat_filter.h"

namespace spdlog::sinks {
class sink;
}

namespace memory_exporter {

std::string_view to_string(LogLevel level);

class StderrSink;

/// Events for people and machines, one line each: time, level, message, and fields. The message is
/// constant text; whatever varies is a field. Values are escaped, so no value can end a line, pass
/// for another field or turn a terminal's text around; a line is at most longest_line bytes, and a
/// value longer than longest_value is cut. Safe to call from any thread. No call waits for standard
/// error: lines that it does not take are left out and counted.
///
/// The same warning or error (all fields equal) is written at most once a minute, and the same
/// information ten times; the next one that is written says how many were left out.
class Log {
 public:
  using Clock = std::chrono::steady_clock;
  using Now = std::function<Clock::time_point()>;

  struct Field {
    std::string_view key;  ///< a constant word
    std::string value;     ///< any bytes
  };

  static constexpr std::size_t longest_line = 4096;   ///< PIPE_BUF: whole lines, or none
  static constexpr std::size_t longest_value = 1000;  ///< as it is written

  /// To standard error.
  Log(LogFormat format, LogLevel level);
  Log(LogFormat format, LogLevel level, std::shared_ptr<spdlog::sinks::sink> sink,
      Now now = &Clock::now);
  ~Log();

  void debug(std::string_view message, std::initializer_list<Field> fields = {});
  void info(std::string_view message, std::initializer_list<Field> fields = {});
  void warn(std::string_view message, std::initializer_list<Field> fields = {});
  void error(std::string_view message, std::initializer_list<Field> fields = {});

  bool enabled(LogLevel level) const { return level >= level_; }

  /// Waits until standard error has taken what was written, but no longer than `patience`.
  void drain(std::chrono::milliseconds patience);

  /// Lines that standard error did not take; 0 where the lines go elsewhere.
  std::uint64_t dropped() const;

 private:
  Log(LogFormat format, LogLevel level, std::shared_ptr<StderrSink> sink);

  void write(LogLevel level, std::string_view message, std::initializer_list<Field> fields);
  std::optional<std::uint64_t> admit(LogLevel level, std::string_view message,
                                     std::initializer_list<Field> fields);

  const LogFormat format_;
  const LogLevel level_;
  const std::shared_ptr<spdlog::sinks::sink> sink_;
  const std::shared_ptr<StderrSink> stderr_;  ///< the same; null where the lines go elsewhere
  const Now now_;
  std::mutex mutex_;  ///< over the filter, and held for nothing else
  RepeatFilter filter_;
};

}  // namespace memory_exporter
