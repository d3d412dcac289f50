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

bool add_number(std::string_view text, std::optional<std::uint64_t>& sum) {
  const auto number = take_number(text);
  add_known(sum, number);
  return number.has_value();
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

}  // namespace

Result<ProcessStatus> parse_status(std::string_view text) {
  ProcessStatus status;
  OptionalBytes middle_page_tables = Bytes{};  // without the field VmPTE has them
  KeyedRows<Field> rows(fields);
  const auto walked = for_each_keyed_line(text, [&](std::string_view key, std::string_view value) {
    // The name comes first and is escaped by the kernel (\n, \\), so it cannot forge a line.
    if (key.starts_with("Vm") || key.starts_with("Rss") || key == "HugetlbPages") {
      if (key == "VmPMD") {
        middle_page_tables.reset();
        return read_kib(value, middle_page_tables);
      }
      const auto* field = rows.find(key);
      if (field == nullptr) return true;
      return read_kib(value, status.*(field->member), field->most);
    }
    if (key == "Uid") {
      return take_number(value).has_value() && bool(status.uid = take_number(value));
    }
    if (key == "Threads") return bool(status.threads = take_number(value));
    if (key == "PPid") return bool(status.parent = take_number<pid_t>(value));
    if (key == "State") return read_state(value, status.state);
    if (key.ends_with("voluntary_ctxt_switches")) return add_number(value, status.switches);
    return true;
  });
  if (!walked) return walked.error();
  add_complete(status.page_tables, middle_page_tables);
  // Below 0 in 32 bits is 4 TiB: no more than the process has address space can be libraries.
  if (status.virtual_size && status.library > status.virtual_size) status.library.reset();
  settle_resident(status);
  return status;
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
