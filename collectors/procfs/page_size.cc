#include "collectors/procfs/page_size.h"

#include <unistd.h>

#include <algorithm>
#include <array>
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
OptionalBytes page_size_of_process(const Tree& procfs, pid_t pid) {
  const auto path = std::to_string(pid) + "/smaps";
  const auto file = procfs.open_file(path.c_str());
  if (!file) return std::nullopt;
  std::array<char, 4096> start;
  const auto got = ::read(file->get(), start.data(), start.size());
  OptionalBytes smallest;
  for (std::string_view text(start.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
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

OptionalBytes by_mappings(const Tree& procfs) {
  constexpr std::size_t most_tries = 100;
  std::vector<ListedProcess> processes;
  if (!procfs.list_processes(processes)) return std::nullopt;
  for (std::size_t i = 0; i < std::min(processes.size(), most_tries); ++i) {
    if (const auto size = page_size_of_process(procfs, processes[i].pid)) return size;
  }
  return std::nullopt;
}

OptionalBytes by_amounts_and_counts(const Tree& procfs) {
  Buffer amounts_buffer, counts_buffer;
  const auto amounts = procfs.read("meminfo", amounts_buffer);
  const auto counts = procfs.read("vmstat", counts_buffer);
  if (!amounts || !counts) return std::nullopt;
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
    if (2 * votes[i] > all) return Bytes{smallest_page.value << i};
  }
  return std::nullopt;
}

}  // namespace

OptionalBytes page_size_of(const Tree& procfs) {
  if (is_procfs(procfs)) return Bytes{kernel_page_size()};
  const auto size = by_mappings(procfs);
  return size ? size : by_amounts_and_counts(procfs);
}

}  // namespace memory_exporter::procfs
