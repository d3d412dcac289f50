#include "daemon/log.h"

#include <spdlog/details/log_msg.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/sink.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "collectors/base/printable.h"
#include "collectors/base/utf8.h"
#include "daemon/stderr_sink.h"

namespace memory_exporter {
namespace {

struct NamedLevel {
  LogLevel level;
  std::string_view name;
  spdlog::level::level_enum spdlog_level;
};
constexpr std::array<NamedLevel, 4> levels = {{
    {LogLevel::debug, "debug", spdlog::level::debug},
    {LogLevel::info, "info", spdlog::level::info},
    {LogLevel::warn, "warn", spdlog::level::warn},
    {LogLevel::error, "error", spdlog::level::err},
}};

/// How often the same event may be written within RepeatFilter::window. Whoever reloads by hand
/// sees each of his reloads confirmed.
unsigned most_repeats(LogLevel level) {
  return level == LogLevel::info ? 10 : 1;
}

/// Appends one character as a JSON string has it; what is not printable is escaped.
void append_json_character(std::string& out, std::string_view code_point) {
  if (code_point == "\n") {
    out += "\\n";
  } else if (code_point == "\"" || code_point == "\\") {
    out.append("\\").append(code_point);
  } else if (is_printable(code_point)) {
    out += code_point;
  } else {
    append_escaped(out, code_point);
  }
}

/// As a JSON string: valid UTF-8, cut at `most` bytes.
void append_json(std::string& out, std::string_view text, std::size_t most) {
  constexpr std::string_view ellipsis = "...";
  constexpr std::size_t longest_escape = 12;
  const auto end = out.size() + most - longest_escape - ellipsis.size();
  out += '"';
  while (!text.empty()) {
    if (out.size() > end) {
      out += ellipsis;
      break;
    }
    const auto front = utf8_front(text);
    append_json_character(out, front.valid ? text.substr(0, front.size) : replacement_character);
    text.remove_prefix(front.size);
  }
  out += '"';
}

/// Bare where nothing in it could be mistaken for logfmt's own signs, else quoted as JSON is.
void append_logfmt(std::string& out, std::string_view text, std::size_t most) {
  const bool plain =
      !text.empty() && text.size() <= most && std::all_of(text.begin(), text.end(), [](char c) {
        return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
      });
  if (plain) {
    out += text;
  } else {
    append_json(out, text, most);
  }
}

class LineWriter {
 public:
  LineWriter(LogFormat format, std::string& out) : json_(format == LogFormat::json), out_(out) {}

  /// A field for which the line has no room is left out.
  void field(std::string_view key, std::string_view value) {
    constexpr std::size_t signs = 8;  // of the formats, at most
    constexpr std::size_t least = 40;
    const auto taken = out_.size() + key.size() + signs;
    if (taken + least > Log::longest_line) return;
    const auto most = std::min(Log::longest_value, Log::longest_line - taken);
    if (json_) {
      out_ += first_ ? "{\"" : ",\"";
      out_.append(key) += "\":";
      append_json(out_, value, most);
    } else {
      if (!first_) out_ += ' ';
      out_.append(key) += '=';
      append_logfmt(out_, value, most);
    }
    first_ = false;
  }

  void end() {
    if (json_) out_ += '}';
  }

 private:
  const bool json_;
  std::string& out_;
  bool first_ = true;
};

std::string now_text() {
  const auto now = std::chrono::system_clock::now();
  const auto milliseconds =
      std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
  const std::time_t seconds = milliseconds / 1000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     milliseconds % 1000);
}

}  // namespace

std::string_view to_string(LogLevel level) {
  return levels[static_cast<std::size_t>(level)].name;
}

Log::Log(LogFormat format, LogLevel level)
    : Log(format, level, std::make_shared<StderrSink>(STDERR_FILENO)) {}

Log::Log(LogFormat format, LogLevel level, std::shared_ptr<StderrSink> sink)
    : format_(format), level_(level), sink_(sink), stderr_(std::move(sink)), now_(&Clock::now) {}

Log::Log(LogFormat format, LogLevel level, std::shared_ptr<spdlog::sinks::sink> sink, Now now)
    : format_(format), level_(level), sink_(std::move(sink)), now_(std::move(now)) {
  // The line is made here; spdlog adds nothing but its end.
  sink_->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
}

Log::~Log() = default;

void Log::debug(std::string_view message, std::initializer_list<Field> fields) {
  write(LogLevel::debug, message, fields);
}

void Log::info(std::string_view message, std::initializer_list<Field> fields) {
  write(LogLevel::info, message, fields);
}

void Log::warn(std::string_view message, std::initializer_list<Field> fields) {
  write(LogLevel::warn, message, fields);
}

void Log::error(std::string_view message, std::initializer_list<Field> fields) {
  write(LogLevel::error, message, fields);
}

void Log::write(LogLevel level, std::string_view message, std::initializer_list<Field> fields) {
  if (!enabled(level)) return;
  try {
    const auto suppressed = admit(level, message, fields);
    if (!suppressed) return;
    std::string line;
    LineWriter out(format_, line);
    out.field("ts", now_text());
    out.field("level", to_string(level));
    out.field("msg", message);
    for (const auto& field : fields) out.field(field.key, field.value);
    if (*suppressed > 0) out.field("suppressed", std::to_string(*suppressed));
    out.end();
    sink_->log({"", levels[static_cast<std::size_t>(level)].spdlog_level, line});
    sink_->flush();
  } catch (const std::exception&) {
    // There is no memory, or no room. There is nowhere left to say so, and no reason to stop.
  }
}

/// How many of this event were left out since it was last written; nothing when it is not yet due.
std::optional<std::uint64_t> Log::admit(LogLevel level, std::string_view message,
                                        std::initializer_list<Field> fields) {
  if (level == LogLevel::debug) return 0;
  std::string event;
  LineWriter text(LogFormat::logfmt, event);
  text.field("msg", message);
  for (const auto& field : fields) text.field(field.key, field.value);
  const std::lock_guard lock(mutex_);
  return filter_.admit(event, most_repeats(level), now_());
}

void Log::drain(std::chrono::milliseconds patience) {
  if (stderr_) stderr_->drain(patience);
}

std::uint64_t Log::dropped() const {
  return stderr_ ? stderr_->dropped() : 0;
}

}  // namespace memory_exporter
