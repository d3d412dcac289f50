#include "collectors/procfs/meminfo.h"

#include <algorithm>
#include <utility>

#include "collectors/procfs/keyed.h"

namespace memory_exporter::procfs {
namespace {

struct Amount {
  std::string_view key;
  OptionalBytes Meminfo::*member;
  Bytes most = most_memory;
};

/// In the kernel's order (a node's own fields in between), so that most searches end at once.
constexpr Amount amounts[] = {
    {"MemTotal", &Meminfo::total},
    {"MemFree", &Meminfo::free},
    {"MemAvailable", &Meminfo::available},
    {"MemUsed", &Meminfo::used},
    {"Buffers", &Meminfo::buffers},
    {"Cached", &Meminfo::cached},
    {"SwapCached", &Meminfo::swap_cached},
    {"Active", &Meminfo::active},
    {"Inactive", &Meminfo::inactive},
    {"Active(anon)", &Meminfo::active_anon},
    {"Inactive(anon)", &Meminfo::inactive_anon},
    {"Active(file)", &Meminfo::active_file},
    {"Inactive(file)", &Meminfo::inactive_file},
    {"Unevictable", &Meminfo::unevictable},
    {"Mlocked", &Meminfo::mlocked},
    {"HighTotal", &Meminfo::high_total},
    {"HighFree", &Meminfo::high_free},
    {"LowTotal", &Meminfo::low_total},
    {"LowFree", &Meminfo::low_free},
    {"MmapCopy", &Meminfo::mmap_copy},
    {"SwapTotal", &Meminfo::swap_total},
    {"SwapFree", &Meminfo::swap_free},
    {"Zswap", &Meminfo::zswap},
    {"Zswapped", &Meminfo::zswapped},
    {"Dirty", &Meminfo::dirty},
    {"Writeback", &Meminfo::writeback},
    {"FilePages", &Meminfo::file_pages},
    {"AnonPages", &Meminfo::anon_pages},
    {"Mapped", &Meminfo::mapped},
    {"Shmem", &Meminfo::shmem},
    {"KReclaimable", &Meminfo::kernel_reclaimable},
    {"Slab", &Meminfo::slab},
    {"SReclaimable", &Meminfo::slab_reclaimable},
    {"SUnreclaim", &Meminfo::slab_unreclaimable},
    {"KernelStack", &Meminfo::kernel_stack},
    {"ShadowCallStack", &Meminfo::shadow_call_stack},
    {"PageTables", &Meminfo::page_tables},
    {"SecPageTables", &Meminfo::secondary_page_tables},
    {"NFS_Unstable", &Meminfo::nfs_unstable},
    {"Bounce", &Meminfo::bounce},
    {"WritebackTmp", &Meminfo::writeback_tmp},
    {"CommitLimit", &Meminfo::commit_limit, most_address_space},
    {"Committed_AS", &Meminfo::committed_as, most_address_space},
    {"VmallocTotal", &Meminfo::vmalloc_total, most_address_space},
    {"VmallocUsed", &Meminfo::vmalloc_used, most_address_space},
    {"VmallocChunk", &Meminfo::vmalloc_chunk, most_address_space},
    {"Percpu", &Meminfo::percpu},
    {"EarlyMemtestBad", &Meminfo::early_memtest_bad},
    {"HardwareCorrupted", &Meminfo::hardware_corrupted},
    {"AnonHugePages", &Meminfo::anon_huge_pages},
    {"ShmemHugePages", &Meminfo::shmem_huge_pages},
    {"ShmemPmdMapped", &Meminfo::shmem_pmd_mapped},
    {"FileHugePages", &Meminfo::file_huge_pages},
    {"FilePmdMapped", &Meminfo::file_pmd_mapped},
    {"CmaTotal", &Meminfo::cma_total},
    {"CmaFree", &Meminfo::cma_free},
    {"Unaccepted", &Meminfo::unaccepted},
    {"Balloon", &Meminfo::balloon},
    {"GPUActive", &Meminfo::gpu_active},
    {"GPUReclaim", &Meminfo::gpu_reclaim},
    {"Hugepagesize", &Meminfo::hugepage_size},
    {"Hugetlb", &Meminfo::hugetlb},
};

struct PartOfTotal {
  OptionalBytes Meminfo::*part;
  OptionalBytes Meminfo::*total;
};

constexpr PartOfTotal parts_of_totals[] = {
    {&Meminfo::swap_free, &Meminfo::swap_total},
    {&Meminfo::high_free, &Meminfo::high_total},
    {&Meminfo::low_free, &Meminfo::low_total},
    {&Meminfo::cma_free, &Meminfo::cma_total},
};

struct Count {
  std::string_view key;
  std::optional<std::uint64_t> Meminfo::*member;
};

constexpr Count counts[] = {
    {"HugePages_Total", &Meminfo::huge_pages_total},
    {"HugePages_Free", &Meminfo::huge_pages_free},
    {"HugePages_Rsvd", &Meminfo::huge_pages_reserved},
    {"HugePages_Surp", &Meminfo::huge_pages_surplus},
};

/// Adds an amount under a name that none of `named` has.
void add_named(std::vector<NamedBytes>& named, std::string_view name, Bytes amount) {
  const bool known = std::any_of(named.begin(), named.end(),
                                 [&](const NamedBytes& present) { return present.name == name; });
  if (!known) named.push_back({name, amount});
}

/// Takes one line's value; false where a field that it knows does not have its form.
class Builder {
 public:
  bool add(std::string_view key, std::string_view value) {
    if (const auto* row = amounts_.find(key)) {
      return set(meminfo_.*(row->member), value, row->most);
    }
    if (const auto* row = counts_.find(key)) return set(meminfo_.*(row->member), value);
    OptionalBytes amount;
    if (!read_kib(value, amount) || !amount) return true;
    constexpr std::string_view direct_map = "DirectMap";
    if (key.starts_with(direct_map) && key != direct_map) {
      add_named(meminfo_.direct_map, key.substr(direct_map.size()), *amount);
    } else {
      add_named(meminfo_.other, key, *amount);
    }
    return true;
  }

  Meminfo finish() {
    // Below 0 in 32 bits is 4 TiB: no more than there is can be free.
    for (const auto& [free, total] : parts_of_totals) {
      if (meminfo_.*total && meminfo_.*free > meminfo_.*total) (meminfo_.*free).reset();
    }
    return std::move(meminfo_);
  }

 private:
  static bool set(OptionalBytes& member, std::string_view value, Bytes most) {
    OptionalBytes amount;
    if (!read_kib(value, amount, most)) return false;
    if (!member) member = amount;
    return true;
  }

  /// HugePages_Rsvd has been seen below 0, that is, near 2^64.
  static bool set(std::optional<std::uint64_t>& member, std::string_view value) {
    skip_blanks(value);
    const auto count = to_number(value);
    if (count && !member && plausible_count(*count)) member = count;
    return count.has_value();
  }

  Meminfo meminfo_;
  KeyedRows<Amount> amounts_{amounts};
  KeyedRows<Count> counts_{counts};
};

/// "Node 0 MemTotal" -> "MemTotal"; empty where it does not begin so.
std::string_view without_node(std::string_view key) {
  if (take_word(key) != "Node" || !take_number(key)) return {};
  skip_blanks(key);
  return key;
}

}  // namespace

Parsed<Meminfo> parse_meminfo(std::string_view text) {
  Builder builder;
  const auto skipped = for_each_key(
      text, [&](std::string_view key, std::string_view value) { return builder.add(key, value); });
  return {builder.finish(), skipped};
}

Parsed<Meminfo> parse_node_meminfo(std::string_view text) {
  Builder builder;
  const auto skipped = for_each_key(text, [&](std::string_view key, std::string_view value) {
    const auto field = without_node(key);
    return !field.empty() && builder.add(field, value);
  });
  return {builder.finish(), skipped};
}

}  // namespace memory_exporter::procfs
