#include "collectors/procfs/ksm_stat.h"

#include "collectors/base/text.h"

namespace memory_exporter::procfs {
namespace {

bool read(std::string_view value, std::optional<std::uint64_t>& field) {
  field = to_number(value);
  return field.has_value();
}

bool read(std::string_view value, std::optional<std::int64_t>& field) {
  field = to_number<std::int64_t>(value);
  return field.has_value();
}

bool read(std::string_view value, std::optional<bool>& field) {
  if (value == "yes" || value == "no") field = value == "yes";
  return field.has_value();
}

bool read_line(std::string_view key, std::string_view value, KsmStat& stat) {
  if (key == "ksm_rmap_items") return read(value, stat.rmap_items);
  if (key == "ksm_zero_pages") return read(value, stat.zero_pages);
  if (key == "ksm_merging_pages") return read(value, stat.merging_pages);
  if (key == "ksm_process_profit") return read(value, stat.process_profit);
  if (key == "ksm_merge_any:") return read(value, stat.merge_any);
  if (key == "ksm_mergeable:") return read(value, stat.mergeable);
  return true;
}

}  // namespace

Result<KsmStat> parse_ksm_stat(std::string_view text) {
  KsmStat stat;
  const bool unended = ends_within_line(text);
  for (int number = 1; !text.empty(); ++number) {
    auto line = take_line(text);
    const auto key = take_word(line);
    const auto value = take_word(line);
    const bool cut = text.empty() && unended && value != "yes" && value != "no";
    if (cut || !read_line(key, value, stat)) return malformed("unexpected value", number);
  }
  return stat;
}

}  // namespace memory_exporter::procfs
