// Whatever the fields of an event: one line, from which they read back.
#include <fuzzer/FuzzedDataProvider.h>
#include <spdlog/sinks/ostream_sink.h>

#include <array>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "collectors/base/utf8.h"
#include "daemon/log.h"
#include "tests/fuzz/shown.h"

using namespace memory_exporter;

namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

void append_utf8(std::string& out, std::uint32_t value) {
  const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (value < 0x80) return add(value);
  const int more = value < 0x800 ? 1 : value < 0x10000 ? 2 : 3;
  add(((0xF00u >> (more + 1)) & 0xFF) | (value >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) add(0x80 | ((value >> (6 * i)) & 0x3F));
}

/// One text in double quotes off the front, by JSON's own rules (RFC 8259, section 7).
std::string take_quoted(std::string_view& text) {
  const auto take = [&](std::size_t n) {
    fuzz::require(text.size() >= n, "a text in quotes has its end");
    const auto part = text.substr(0, n);
    text.remove_prefix(n);
    return part;
  };
  const auto take_unit = [&] {
    const std::string digits(take(4));
    fuzz::require(digits.find_first_not_of("0123456789abcdef") == std::string::npos,
                  "an escape has four digits");
    return static_cast<std::uint32_t>(std::stoul(digits, nullptr, 16));
  };
  fuzz::require(take(1) == "\"", "a text begins with a quote");
  std::string out;
  while (true) {
    const auto c = take(1);
    if (c == "\"") return out;
    if (c != "\\") {
      out += c;
      continue;
    }
    const auto sign = take(1);
    if (sign == "n") {
      out += '\n';
    } else if (sign == "\"" || sign == "\\") {
      out += sign;
    } else {
      fuzz::require(sign == "u", "an escape is one of JSON's");
      auto value = take_unit();
      fuzz::require(value < 0xDC00 || value > 0xDFFF, "a low surrogate follows a high one");
      if (value >= 0xD800 && value < 0xDC00) {
        fuzz::require(take(2) == "\\u", "a high surrogate has its low one");
        value = 0x10000 + ((value - 0xD800) << 10) + (take_unit() - 0xDC00);
      }
      append_utf8(out, value);
    }
  }
}

/// The fields of a line. Keys are constant words of the program.
Fields fields_of(std::string_view line, LogFormat format) {
  Fields fields;
  if (format == LogFormat::json) {
    fuzz::require(line.starts_with('{') && line.ends_with('}'), "a line is one object");
    line = line.substr(1, line.size() - 2);
    while (true) {
      auto key = take_quoted(line);
      fuzz::require(line.starts_with(':'), "a key has a value");
      line.remove_prefix(1);
      fields.emplace_back(std::move(key), take_quoted(line));
      if (line.empty()) return fields;
      fuzz::require(line.starts_with(','), "fields stand between commas");
      line.remove_prefix(1);
    }
  }
  while (true) {
    const auto equals = line.find('=');
    fuzz::require(equals != std::string_view::npos && equals > 0, "a key has a value");
    const std::string key(line.substr(0, equals));
    line.remove_prefix(equals + 1);
    std::string value;
    if (line.starts_with('"')) {
      value = take_quoted(line);
    } else {
      value = line.substr(0, line.find(' '));
      fuzz::require(!value.empty() && value.find_first_of("\"=\\") == std::string::npos,
                    "a bare value cannot be taken for something else");
      line.remove_prefix(value.size());
    }
    fields.emplace_back(key, value);
    if (line.empty()) return fields;
    fuzz::require(line.starts_with(' '), "fields stand between blanks");
    line.remove_prefix(1);
  }
}

std::string line_of(LogFormat format, std::string_view message,
                    const std::array<std::string, 6>& values) {
  std::ostringstream out;
  Log log(format, LogLevel::info, std::make_shared<spdlog::sinks::ostream_sink_st>(out));
  log.warn(message, {{"a", values[0]},
                     {"b", values[1]},
                     {"c", values[2]},
                     {"d", values[3]},
                     {"e", values[4]},
                     {"f", values[5]}});
  return std::move(out).str();
}

/// Whether `read` is the value, or its beginning and three dots; where the line has room for it,
/// only of a long one.
void require_value(const std::string& read, const std::string& value, bool has_room) {
  std::string valid;
  append_valid_utf8(valid, value);
  if (read == valid) return;
  fuzz::require(read.ends_with("...") && valid.starts_with(read.substr(0, read.size() - 3)),
                "a value reads back, or its beginning");
  fuzz::require(!has_room || valid.size() * 6 > 400, "a short value is not cut");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  std::array<std::string, 6> values;
  for (auto& value : values) {
    value = input.ConsumeRandomLengthString();
    // So that lines fill up: an input is too short for that.
    const auto times = input.ConsumeIntegralInRange(1, 40);
    for (int i = 1; i < times && value.size() < 3000; ++i) value += value.substr(0, 100);
  }
  const auto message = input.ConsumeRandomLengthString();
  for (const auto format : {LogFormat::logfmt, LogFormat::json}) {
    auto line = line_of(format, message, values);
    fuzz::require(line.ends_with('\n'), "an event is a line");
    fuzz::require(line.size() <= Log::longest_line, "a line has a bound");
    line.pop_back();
    fuzz::require_shown(line);
    const auto fields = fields_of(line, format);
    fuzz::require(fields.size() >= 3 && fields[0].first == "ts" && fields[1].first == "level" &&
                      fields[1].second == "warn" && fields[2].first == "msg",
                  "time, level and message come first");
    const bool has_room = line.size() + 100 <= Log::longest_line;
    require_value(fields[2].second, message, has_room);
    std::size_t next = 0;
    for (std::size_t i = 3; i < fields.size(); ++i) {
      const auto& [key, value] = fields[i];
      fuzz::require(key.size() == 1 && key[0] >= 'a' && key[0] <= 'f', "no field is made up");
      const auto at = static_cast<std::size_t>(key[0] - 'a');
      fuzz::require(at >= next, "fields keep their order");
      next = at + 1;
      require_value(value, values[at], has_room);
    }
    fuzz::require(fields.size() == 3 + values.size() || !has_room,
                  "no field is left out where there is room");
  }
  return 0;
}
