#include "collectors/procfs/limits.h"

#include "collectors/base/text.h"

namespace memory_exporter::procfs {
namespace {

struct Field {
  std::string_view name;
  OptionalBytes Limits::*member;
};

constexpr Field fields[] = {
    {"Max data size ", &Limits::data},
    {"Max stack size ", &Limits::stack},
    {"Max locked memory ", &Limits::locked},
    {"Max address space ", &Limits::address_space},
};

/// Takes a number or "unlimited" off the front; false for anything else.
bool take_limit(std::string_view& text, OptionalBytes& limit) {
  const auto word = take_word(text);
  const auto number = to_number(word);
  if (number) limit = Bytes{*number};
  return number || word == "unlimited";
}

}  // namespace

Result<Limits> parse_limits(std::string_view text, Skipped* skipped) {
  if (ends_within_line(text)) return malformed("the last line is cut short");
  Limits limits;
  for (int number = 1; !text.empty(); ++number) {
    auto line = take_line(text);
    for (const auto& field : fields) {
      if (!line.starts_with(field.name)) continue;
      line.remove_prefix(field.name.size());
      OptionalBytes soft, hard;
      const bool well_formed =
          take_limit(line, soft) && take_limit(line, hard) && take_word(line) == "bytes";
      limits.*field.member = well_formed ? soft : OptionalBytes();
      if (!well_formed && skipped != nullptr) skipped->add(number, "\"soft hard bytes\"");
      break;
    }
  }
  return limits;
}

}  // namespace memory_exporter::procfs
