#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace spdlog::sinks {
class sink;
}

namespace memory_exporter {

enum class LogLevel { debug, info, warn, error };
std::string_view to_string(LogLevel level);
std::optional<LogLevel> log_level_from(std::string_view name);

enum class LogFormat { logfmt, json };
std::optional<LogFormat> log_format_from(std::string_view name);

/// Events for people and machines, one line each: time, level, message, and fields. The message is
/// constant text; whatever varies is a field. Values are escaped, so no value can end a line or
/// pass for another field. Safe to call from any thread.
///
/// The same warning or error (all fields equal) is written at most once a minute; the next one that
/// is written says how many were left out.
class Log {
 public:
  using Clock = std::chrono::steady_clock;
  using Now = std::function<Clock::time_point()>;

  struct Field {
    std::string_view key;  ///< a constant word
    std::string value;     ///< any bytes
  };

  static constexpr std::chrono::minutes repeat_interval{1};

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

 private:
  struct Repeated {
    Clock::time_point written;
    std::uint64_t suppressed = 0;
  };

  void write(LogLevel level, std::string_view message, std::initializer_list<Field> fields);
  std::optional<std::uint64_t> suppressed_before(const std::string& event);

  const LogFormat format_;
  const LogLevel level_;
  const std::shared_ptr<spdlog::sinks::sink> sink_;
  const Now now_;
  std::mutex mutex_;
  std::map<std::string, Repeated> repeated_;  ///< by the event's text
};

}  // namespace memory_exporter
