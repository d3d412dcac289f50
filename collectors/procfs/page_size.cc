#include "collectors/procfs/page_size.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/text.h"
#include "collectors/procfs/filesystem.h"
#include "collectors/procfs/flat_keyed.h"
#include "collectors/procfs/keyed.h"
#include "collectors/procfs/meminfo.h"
#include "collectors/procfs/pagemap.h"
#include "collectors/procfs/plausible.h"

namespace memory_exporter::procfs {
namespace {

/// An amount that meminfo has in kB and vmstat in pages.
struct Pair {
  std::string_view field;
  OptionalBytes Meminfo::*amount;
};

constexpr Pair pairs[] = {
    {"nr_free_pages", &Meminfo::free},
    {"nr_active_file", &Meminfo::active_file},
    {"nr_inactive_file", &Meminfo::inactive_file},
    {"nr_anon_pages", &Meminfo::anon_pages},
    {"nr_mapped", &Meminfo::mapped},
    {"nr_shmem", &Meminfo::shmem},
    {"nr_page_table_pages", &Meminfo::page_tables},
};

/// 4 KiB to 256 KiB.
constexpr std::size_t sizes = 7;

/// The index of the size that is nearest to the quotient, within a factor of the square root of 2.
std::optional<std::size_t> nearest_size(Bytes amount, std::uint64_t pages) {
  if (pages == 0 || amount == Bytes{}) return std::nullopt;
  const auto quotient = static_cast<double>(amount.value) / static_cast<double>(pages);
  const auto index = std::lround(std::log2(quotient / static_cast<double>(smallest_page.value)));
  if (index < 0 || index >= static_cast<long>(sizes)) return std::nullopt;
  return static_cast<std::size_t>(index);
}

/// KernelPageSize of a process's first mappings, the smallest: one may be of huge pages.
Result<OptionalBytes> page_size_of_process(const Tree& procfs, pid_t pid) {
  const auto path = std::to_string(pid) + "/smaps";
  const auto file = procfs.open_file(path.c_str());
  if (!file) return file.error();
  std::array<char, 4096> start;
  const auto got = procfs.calls()->read(file->get(), start.data(), start.size());
  if (got < 0) return error_of(errno, procfs.path() + '/' + path);
  OptionalBytes smallest;
  for (std::string_view text(start.data(), static_cast<std::size_t>(got));
       text.find('\n') != std::string_view::npos;) {
    auto line = take_line(text);
    constexpr std::string_view key = "KernelPageSize:";
    if (!line.starts_with(key)) continue;
    OptionalBytes size;
    if (!read_kib(line.substr(key.size()), size) || size.value_or(Bytes{}) == Bytes{}) continue;
    if (!smallest || *size < *smallest) smallest = size;
  }
  return smallest;
}

/// Of the first process that tells. That one of them cannot be read is no error, unless we are out
/// of descriptors or memory, which says nothing of the files.
Result<OptionalBytes> by_mappings(const Tree& procfs) {
  constexpr std::size_t most_tries = 100;
  std::vector<ListedProcess> processes;
  if (auto listed = procfs.list_processes(processes); !listed) return listed.error();
  for (std::size_t i = 0; i < std::min(processes.size(), most_tries); ++i) {
    const auto size = page_size_of_process(procfs, processes[i].pid);
    if (size && *size) return *size;
    if (!size && size.error().kind == ErrorKind::exhausted) return size.error();
  }
  return OptionalBytes();
}

Result<OptionalBytes> by_amounts_and_counts(const Tree& procfs) {
  Buffer amounts_buffer, counts_buffer;
  const auto amounts = procfs.read("meminfo", amounts_buffer);
  const auto counts = procfs.read("vmstat", counts_buffer);
  if (!amounts) return amounts.error();
  if (!counts) return counts.error();
  const auto meminfo = parse_meminfo(*amounts);
  std::array<unsigned, sizes> votes{};
  unsigned all = 0;
  for_each_flat_keyed(*counts, [&](std::string_view field, std::optional<std::uint64_t> pages) {
    for (const auto& pair : pairs) {
      const auto& amount = (*meminfo).*pair.amount;
      if (pair.field != field || !pages || !amount) continue;
      ++all;
      if (const auto size = nearest_size(*amount, *pages)) ++votes[*size];
    }
    return true;
  });
  for (std::size_t i = 0; i < sizes; ++i) {
    if (2 * votes[i] > all) return OptionalBytes(Bytes{smallest_page.value << i});
  }
  return OptionalBytes();
}

}  // namespace

Result<OptionalBytes> page_size_of(const Tree& procfs) {
  if (is_procfs(procfs)) return OptionalBytes(Bytes{kernel_page_size()});
  const auto told = by_mappings(procfs);
  const bool ours = !told && told.error().kind == ErrorKind::exhausted;
  if ((told && *told) || ours) return told;
  const auto found = by_amounts_and_counts(procfs);
  if (!found && found.error().kind == ErrorKind::vanished) return OptionalBytes();
  return found;
}

}  // namespace memory_exporter::procfs
