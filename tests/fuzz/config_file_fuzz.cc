// A whole file. Whatever it says, it is either settings, which can be written and read back, or an
// error of one line, at a place that the file has.
#include "config/config_file.h"

#include <algorithm>
#include <string>

#include "tests/fuzz/shown.h"

using namespace memory_exporter;

namespace {

/// In YAML's double quotes, whatever it is.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const auto code_point = fuzz::take_code_point(text);
    fuzz::require(code_point.has_value(), "a value of a file is UTF-8");
    char escaped[16];
    std::snprintf(escaped, sizeof escaped, "\\U%08X", *code_point);
    out += escaped;
  }
  return out + '"';
}

/// Every setting in force, as a file.
std::string written(const config::Settings& settings) {
  std::string file;
  std::string block;
  for (const auto& row : config::rows()) {
    if (row.key.empty()) continue;
    const auto dot = row.key.find('.');
    const auto around = dot == std::string::npos ? std::string() : row.key.substr(0, dot);
    if (around != block && !around.empty()) file += around + ":\n";
    block = around;
    const auto text = row.text(settings);
    file += (around.empty() ? "" : "  ") + quoted(row.key.substr(dot + 1)) + ": " +
            (row.takes_list ? text : quoted(text)) + '\n';
  }
  return file;
}

config::Settings in_force(const config::Assignments& file) {
  return *config::settings_from(file, {});
}

void require_good(const Error& error, std::string_view text) {
  const auto message = error.message();
  fuzz::require_shown(message);
  fuzz::require(message.size() <= 1000, "a message has a bound");
  fuzz::require(error.kind == ErrorKind::malformed, "nothing else can be wrong with a small file");
  fuzz::require(message.starts_with("a.yml:" + std::to_string(error.line) + ':' +
                                    std::to_string(error.column) + ": "),
                "a message begins with the place");
  const auto lines = std::count(text.begin(), text.end(), '\n') + 1;
  fuzz::require(error.line >= 1 && error.line <= lines, "the line is one of the file's");
  for (int line = 1; line < error.line; ++line) text.remove_prefix(text.find('\n') + 1);
  const auto width = static_cast<int>(std::min(text.find('\n'), text.size()));
  fuzz::require(error.column >= 1 && error.column <= width + 1, "the column is one of the line's");
}

/// A comment in front moves everything down by a line, and does nothing else. Not asked where the
/// first bytes say in which code the file is.
void require_same_behind_a_comment(const Result<config::Assignments>& read, std::string_view text) {
  const auto starts = text.substr(0, 2);
  if (starts.find_first_of(std::string_view("\0\xEF\xFE\xFF", 4)) != std::string_view::npos) return;
  const auto behind = config::parse_file("# \n" + std::string(text), "a.yml");
  fuzz::require(behind.ok() == read.ok(), "a comment in front changes nothing");
  if (read) {
    fuzz::require(in_force(*behind) == in_force(*read), "a comment in front sets nothing");
  } else {
    fuzz::require(behind.error().line == read.error().line + 1 &&
                      behind.error().column == read.error().column &&
                      behind.error().what == read.error().what,
                  "a comment in front moves a mistake by a line");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::as_text(data, size);
  const auto read = config::parse_file(text, "a.yml");
  require_same_behind_a_comment(read, text);
  if (!read) {
    require_good(read.error(), text);
    return 0;
  }
  const auto file = written(in_force(*read));
  const auto again = config::parse_file(file, "again.yml");
  fuzz::require(again.ok(), again.ok() ? "" : again.error().message().c_str());
  fuzz::require(written(in_force(*again)) == file, "what was read reads back");
  return 0;
}
