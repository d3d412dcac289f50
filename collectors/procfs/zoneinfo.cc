#include "collectors/procfs/zoneinfo.h"

#include "collectors/base/text.h"

namespace memory_exporter::procfs {
namespace {

/// A sum of counts that is unknown without one of them.
class Sum {
 public:
  /// False where the text is no count, or one with which the sum does not fit.
  bool add(std::string_view text) {
    const auto count = to_number(text);
    is_known_ = is_known_ && count && !__builtin_add_overflow(sum_, *count, &sum_);
    is_there_ = true;
    return is_known_;
  }

  bool is_there() const { return is_there_; }
  std::optional<std::uint64_t> value() const {
    return is_known_ ? std::optional(sum_) : std::nullopt;
  }

 private:
  std::uint64_t sum_ = 0;
  bool is_there_ = false;
  bool is_known_ = true;
};

}  // namespace

Parsed<Zoneinfo> parse_zoneinfo(std::string_view text) {
  Sum percpu_free, managed;
  bool in_zone = false;
  const auto skipped =
      for_each_line(text, "\"count: pages\", \"managed pages\"", [&](std::string_view line) {
        const auto field = take_word(line);
        if (field == "Node") in_zone = true;
        if (field == "count:") return percpu_free.add(take_word(line));
        if (field == "managed") return managed.add(take_word(line));
        return true;
      });
  Parsed<Zoneinfo> zones{{}, skipped};
  if (!in_zone) {
    zones.skipped.add(1, "\"Node N, zone NAME\"");
  } else if (!ends_within_line(text)) {
    zones->percpu_free = percpu_free.value();
    if (managed.is_there()) zones->managed = managed.value();
  }
  return zones;
}

}  // namespace memory_exporter::procfs
