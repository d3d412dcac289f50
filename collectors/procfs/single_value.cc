#include "collectors/procfs/single_value.h"

#include "collectors/base/text.h"

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

Result<OptionalBytes> parse_limit(std::string_view text) {
  if (text == "max\n") return OptionalBytes();
  const auto number = parse<std::uint64_t>(text);
  if (!number) return malformed("expected \"max\" or a number", 1);
  return OptionalBytes(Bytes{*number});
}

Result<bool> parse_yes_or_no(std::string_view text) {
  if (text == "Y\n") return true;
  if (text == "N\n") return false;
  return malformed("expected Y or N", 1);
}

}  // namespace memory_exporter::procfs
