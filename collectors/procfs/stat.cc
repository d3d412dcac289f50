#include "collectors/procfs/stat.h"

#include "collectors/base/text.h"

namespace memory_exporter::procfs {
namespace {

/// Walks the blank-separated numbers after the comm. Fields are numbered as in proc_pid_stat(5).
class Fields {
 public:
  Fields(std::string_view text, int number) : text_(text), number_(number) {}

  /// Skips to field `number` and reads it; false when it is not there or no number. None of those
  /// asked for can be negative.
  bool read(int number, std::uint64_t& value) {
    for (; number_ < number; ++number_) {
      if (take_word(text_).empty()) return false;
    }
    ++number_;
    const auto field = to_number(take_word(text_));
    if (!field) return false;
    value = *field;
    return true;
  }

 private:
  std::string_view text_;
  int number_;
};

}  // namespace

Result<Stat> parse_stat(std::string_view text) {
  // The kernel ends the line; without its newline the last number may have lost digits.
  if (text.empty() || text.back() != '\n') return malformed("the line is cut short");
  text.remove_suffix(1);
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return malformed("expected \"pid (comm) state ...\"");
  }
  Stat stat;
  auto head = text.substr(0, open);
  const auto pid = take_number<std::int64_t>(head);
  stat.comm = text.substr(open + 1, close - open - 1);
  auto rest = text.substr(close + 1);
  const auto state = take_word(rest);
  const auto ppid = take_number<std::int64_t>(rest);
  if (!pid || head != " " || state.size() != 1 || !ppid) {
    return malformed("expected \"pid (comm) state ppid\"");
  }
  stat.pid = *pid;
  stat.state = state.front();
  stat.ppid = *ppid;

  Fields fields(rest, 5);
  std::uint64_t virtual_size = 0;
  const bool complete = fields.read(9, stat.flags) && fields.read(10, stat.minor_faults) &&
                        fields.read(12, stat.major_faults) && fields.read(14, stat.user_ticks) &&
                        fields.read(15, stat.system_ticks) && fields.read(20, stat.threads) &&
                        fields.read(22, stat.start_time) && fields.read(23, virtual_size) &&
                        fields.read(26, stat.start_code) && fields.read(28, stat.start_stack);
  if (!complete) return malformed("a numeric field up to startstack (28) is missing");
  stat.virtual_size = Bytes{virtual_size};
  return stat;
}

}  // namespace memory_exporter::procfs
