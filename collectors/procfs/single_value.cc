#include "collectors/procfs/single_value.h"

#include "collectors/procfs/scan.h"

namespace memory_exporter::procfs {
namespace {

template <typename T>
Result<T> parse(std::string_view text) {
  if (text.empty() || ends_within_line(text)) return malformed("expected a number and a newline");
  auto line = take_line(text);
  const auto value = to_number<T>(take_word(line));
  skip_blanks(line);
  if (!value || !line.empty() || !text.empty()) return malformed("expected a single number", 1);
  return *value;
}

}  // namespace

Result<std::uint64_t> parse_single_value(std::string_view text) {
  return parse<std::uint64_t>(text);
}

Result<std::int64_t> parse_signed_value(std::string_view text) {
  return parse<std::int64_t>(text);
}

}  // namespace memory_exporter::procfs
