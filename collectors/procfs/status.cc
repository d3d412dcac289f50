#include "collectors/procfs/status.h"

#include <algorithm>

#include "collectors/procfs/keyed.h"

namespace memory_exporter::procfs {
namespace {

struct Field {
  std::string_view key;
  OptionalBytes ProcessStatus::*member;
  Bytes most = most_memory;
};

/// In the kernel's order, so that the search below finds each on its first comparison.
constexpr Field fields[] = {
    {"VmPeak", &ProcessStatus::virtual_peak, most_address_space},
    {"VmSize", &ProcessStatus::virtual_size, most_address_space},
    {"VmLck", &ProcessStatus::locked, most_address_space},
    {"VmPin", &ProcessStatus::pinned, most_address_space},
    {"VmHWM", &ProcessStatus::resident_peak},
    {"VmRSS", &ProcessStatus::resident},
    {"RssAnon", &ProcessStatus::resident_anon},
    {"RssFile", &ProcessStatus::resident_file},
    {"RssShmem", &ProcessStatus::resident_shmem},
    {"VmData", &ProcessStatus::data, most_address_space},
    {"VmStk", &ProcessStatus::stack, most_address_space},
    {"VmExe", &ProcessStatus::text, most_address_space},
    {"VmLib", &ProcessStatus::library, most_address_space},
    {"VmPTE", &ProcessStatus::page_tables},
    {"VmSwap", &ProcessStatus::swap},
    {"HugetlbPages", &ProcessStatus::hugetlb},
};

/// "S (sleeping)".
bool read_state(std::string_view text, char& state) {
  const auto word = take_word(text);
  if (word.size() != 1) return false;
  state = word.front();
  return true;
}

/// Before 4.5, and in sandboxes, the split is missing. Some of its parts are of no use: they would
/// not add up to the whole.
void settle_resident(ProcessStatus& status) {
  auto& anon = status.resident_anon;
  auto& file = status.resident_file;
  auto& shmem = status.resident_shmem;
  if (anon && file && shmem) {
    if (!status.resident) status.resident = *anon + *file + *shmem;
    return;
  }
  anon = file = shmem = std::nullopt;
  status.resident_unsplit = status.resident;
}

/// The effective one, the second.
bool read_uid(std::string_view text, std::optional<std::uint64_t>& uid) {
  uid.reset();
  if (!take_number(text)) return false;
  uid = take_number(text);
  return uid.has_value();
}

/// One figure of a process, false where it does not have its form.
class Reader {
 public:
  bool read(std::string_view key, std::string_view value) {
    // The name comes first and is escaped by the kernel (\n, \\), so it cannot forge a line.
    if (key.starts_with("Vm") || key.starts_with("Rss") || key == "HugetlbPages") {
      return read_amount(key, value);
    }
    if (key == "Uid") return read_uid(value, status_.uid);
    if (key == "Threads") return bool(status_.threads = take_number(value));
    if (key == "PPid") return bool(status_.parent = take_number<pid_t>(value));
    if (key == "State") return read_state(value, status_.state);
    if (key.ends_with("voluntary_ctxt_switches")) {
      const auto number = take_number(value);
      add_complete(switches_, number);
      has_switches_ = true;
      return number.has_value();
    }
    return true;
  }

  ProcessStatus finish() {
    add_complete(status_.page_tables, middle_page_tables_);
    if (has_switches_) status_.switches = switches_;
    // Below 0 in 32 bits is 4 TiB: no more than the process has address space can be libraries.
    if (status_.virtual_size && status_.library > status_.virtual_size) status_.library.reset();
    settle_resident(status_);
    return status_;
  }

 private:
  bool read_amount(std::string_view key, std::string_view value) {
    if (key == "VmPMD") {
      middle_page_tables_.reset();
      return read_kib(value, middle_page_tables_);
    }
    const auto* field = rows_.find(key);
    if (field == nullptr) return true;
    auto& figure = status_.*(field->member);
    if (read_kib(value, figure, field->most)) return true;
    figure.reset();
    return false;
  }

  ProcessStatus status_;
  OptionalBytes middle_page_tables_ = Bytes{};  // without the field VmPTE has them
  std::optional<std::uint64_t> switches_ = 0;   // unknown where one of the two is
  bool has_switches_ = false;
  KeyedRows<Field> rows_{fields};
};

}  // namespace

Result<ProcessStatus> parse_status(std::string_view text, Skipped* skipped) {
  Reader reader;
  const auto walked =
      for_each_keyed_line(text, [&](std::string_view key, std::string_view value, int number) {
        if (!reader.read(key, value) && skipped != nullptr) {
          skipped->add(number, "a value of the kernel's form");
        }
        return true;
      });
  if (!walked) return walked.error();
  return reader.finish();
}

void add(ProcessStatus& sum, const ProcessStatus& status) {
  for (const auto& field : fields) {
    auto& total = sum.*(field.member);
    const auto& figure = status.*(field.member);
    if (field.member == &ProcessStatus::virtual_peak ||
        field.member == &ProcessStatus::resident_peak) {
      total = std::max(total, figure);
    } else {
      add_known(total, figure);
    }
  }
  add_known(sum.resident_unsplit, status.resident_unsplit);
}

}  // namespace memory_exporter::procfs
