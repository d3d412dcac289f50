#include "daemon/log.h"

#include <spdlog/details/log_msg.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <array>

#include "collectors/base/utf8.h"

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

/// Distinct warnings remembered within a minute. What comes on top is one event, so that a stream
/// of ever different errors can fill neither the log nor the memory.
constexpr std::size_t most_remembered = 256;

/// An event that has not come again for so long takes its count of suppressed lines with it.
constexpr std::chrono::minutes forget_after{10};

/// As a JSON string: valid UTF-8, and no byte below a space as itself.
void append_json(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto front = utf8_front(text);
    const auto c = static_cast<unsigned char>(text.front());
    if (!front.valid) {
      out += replacement_character;
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c < 0x20 || c == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
    } else if (c == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0) {
      // U+0080 to U+009F: some terminals obey them.
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(text[1]));
    } else {
      out += text.substr(0, front.size);
    }
    text.remove_prefix(front.size);
  }
  out += '"';
}

/// Bare where nothing in it could be mistaken for logfmt's own signs, else quoted as JSON is.
void append_logfmt(std::string& out, std::string_view text) {
  const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && c != '"' && c != '=' && c != '\\';
  });
  if (plain) {
    out += text;
  } else {
    append_json(out, text);
  }
}

class LineWriter {
 public:
  LineWriter(LogFormat format, std::string& out) : json_(format == LogFormat::json), out_(out) {}

  void field(std::string_view key, std::string_view value) {
    if (json_) {
      out_ += first_ ? "{" : ",";
      append_json(out_, key);
      out_ += ':';
      append_json(out_, value);
    } else {
      if (!first_) out_ += ' ';
      out_.append(key) += '=';
      append_logfmt(out_, value);
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

std::optional<LogLevel> log_level_from(std::string_view name) {
  for (const auto& known : levels) {
    if (known.name == name) return known.level;
  }
  return std::nullopt;
}

std::optional<LogFormat> log_format_from(std::string_view name) {
  if (name == "logfmt") return LogFormat::logfmt;
  if (name == "json") return LogFormat::json;
  return std::nullopt;
}

Log::Log(LogFormat format, LogLevel level)
    : Log(format, level, std::make_shared<spdlog::sinks::stderr_sink_mt>()) {}

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
  std::uint64_t suppressed = 0;
  if (level >= LogLevel::warn) {
    std::string event;
    LineWriter text(LogFormat::logfmt, event);
    text.field("msg", message);
    for (const auto& field : fields) text.field(field.key, field.value);
    const auto before = suppressed_before(event);
    if (!before) return;
    suppressed = *before;
  }
  std::string line;
  LineWriter out(format_, line);
  out.field("ts", now_text());
  out.field("level", to_string(level));
  out.field("msg", message);
  for (const auto& field : fields) out.field(field.key, field.value);
  if (suppressed > 0) out.field("suppressed", std::to_string(suppressed));
  out.end();
  try {
    const spdlog::details::log_msg msg("", levels[static_cast<std::size_t>(level)].spdlog_level,
                                       line);
    sink_->log(msg);
    sink_->flush();
  } catch (const std::exception&) {
    // Standard error is closed or full. There is nowhere left to say so, and no reason to stop.
  }
}

/// How many of this event were left out since it was last written; nothing when it is not yet due.
std::optional<std::uint64_t> Log::suppressed_before(const std::string& event) {
  const std::lock_guard lock(mutex_);
  const auto now = now_();
  auto at = repeated_.find(event);
  if (at == repeated_.end()) {
    std::erase_if(repeated_, [&](const auto& entry) {
      const auto age = now - entry.second.written;
      return age >= (entry.second.suppressed == 0 ? repeat_interval : forget_after);
    });
    if (repeated_.size() >= most_remembered) {
      at = repeated_.find("");
      if (at == repeated_.end()) at = repeated_.emplace("", Repeated{now, 0}).first;
    } else {
      repeated_.emplace(event, Repeated{now, 0});
      return 0;
    }
  }
  auto& repeated = at->second;
  if (now - repeated.written < repeat_interval) {
    ++repeated.suppressed;
    return std::nullopt;
  }
  const auto suppressed = repeated.suppressed;
  repeated = Repeated{now, 0};
  return suppressed;
}

}  // namespace memory_exporter
