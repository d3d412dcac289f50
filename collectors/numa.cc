#include <array>
#include <optional>
#include <string>
#include <vector>

#include "collectors/builtin.h"
#include "collectors/procfs/flat_keyed.h"
#include "collectors/procfs/meminfo.h"
#include "collectors/read_file.h"
#include "collectors/single_values.h"
#include "collectors/sysfs_list.h"

namespace memory_exporter {
namespace {

using procfs::Meminfo;

constexpr auto gauge = MetricType::gauge;
constexpr auto counter = MetricType::counter;

struct Amount {
  Family family;
  OptionalBytes Meminfo::*member;
};

/// Names as in the collector meminfo, where both have the field.
constexpr Amount amounts[] = {
    {{"memory_numa_mem_total_bytes", gauge,
      "RAM of the node; /sys/devices/system/node/nodeN/meminfo MemTotal."},
     &Meminfo::total},
    {{"memory_numa_mem_free_bytes", gauge,
      "Unused RAM, without the per-CPU free lists; /sys/devices/system/node/nodeN/meminfo "
      "MemFree."},
     &Meminfo::free},
    {{"memory_numa_mem_used_bytes", gauge,
      "RAM that is not free; /sys/devices/system/node/nodeN/meminfo MemUsed."},
     &Meminfo::used},
    {{"memory_numa_swap_cached_bytes", gauge,
      "Memory in RAM whose copy in swap is still valid; /sys/devices/system/node/nodeN/meminfo "
      "SwapCached."},
     &Meminfo::swap_cached},
    {{"memory_numa_active_bytes", gauge,
      "Recently used pages; /sys/devices/system/node/nodeN/meminfo Active."},
     &Meminfo::active},
    {{"memory_numa_inactive_bytes", gauge,
      "Pages first in line for reclaim; /sys/devices/system/node/nodeN/meminfo Inactive."},
     &Meminfo::inactive},
    {{"memory_numa_active_anon_bytes", gauge,
      "Recently used anonymous and shmem pages; /sys/devices/system/node/nodeN/meminfo "
      "Active(anon)."},
     &Meminfo::active_anon},
    {{"memory_numa_inactive_anon_bytes", gauge,
      "Anonymous and shmem pages first in line for reclaim; /sys/devices/system/node/nodeN/meminfo "
      "Inactive(anon)."},
     &Meminfo::inactive_anon},
    {{"memory_numa_active_file_bytes", gauge,
      "Recently used page cache; /sys/devices/system/node/nodeN/meminfo Active(file)."},
     &Meminfo::active_file},
    {{"memory_numa_inactive_file_bytes", gauge,
      "Page cache first in line for reclaim; /sys/devices/system/node/nodeN/meminfo "
      "Inactive(file)."},
     &Meminfo::inactive_file},
    {{"memory_numa_unevictable_bytes", gauge,
      "Pages that cannot be reclaimed; /sys/devices/system/node/nodeN/meminfo Unevictable."},
     &Meminfo::unevictable},
    {{"memory_numa_mlocked_bytes", gauge,
      "Memory locked by mlock, within Unevictable; /sys/devices/system/node/nodeN/meminfo "
      "Mlocked."},
     &Meminfo::mlocked},
    {{"memory_numa_high_total_bytes", gauge,
      "RAM above the kernel's direct mapping, on 32-bit kernels; "
      "/sys/devices/system/node/nodeN/meminfo HighTotal."},
     &Meminfo::high_total},
    {{"memory_numa_high_free_bytes", gauge,
      "Unused RAM above the kernel's direct mapping; /sys/devices/system/node/nodeN/meminfo "
      "HighFree."},
     &Meminfo::high_free},
    {{"memory_numa_low_total_bytes", gauge,
      "RAM that the kernel maps directly, on 32-bit kernels; "
      "/sys/devices/system/node/nodeN/meminfo LowTotal."},
     &Meminfo::low_total},
    {{"memory_numa_low_free_bytes", gauge,
      "Unused RAM that the kernel maps directly; /sys/devices/system/node/nodeN/meminfo LowFree."},
     &Meminfo::low_free},
    {{"memory_numa_dirty_bytes", gauge,
      "Page cache waiting to be written to disk; /sys/devices/system/node/nodeN/meminfo Dirty."},
     &Meminfo::dirty},
    {{"memory_numa_writeback_bytes", gauge,
      "Page cache being written to disk; /sys/devices/system/node/nodeN/meminfo Writeback."},
     &Meminfo::writeback},
    {{"memory_numa_file_pages_bytes", gauge,
      "Page cache with buffers, shared memory and swap cache; "
      "/sys/devices/system/node/nodeN/meminfo FilePages."},
     &Meminfo::file_pages},
    {{"memory_numa_mapped_bytes", gauge,
      "Page cache that some process maps; /sys/devices/system/node/nodeN/meminfo Mapped."},
     &Meminfo::mapped},
    {{"memory_numa_anon_pages_bytes", gauge,
      "Anonymous memory mapped by processes; /sys/devices/system/node/nodeN/meminfo AnonPages."},
     &Meminfo::anon_pages},
    {{"memory_numa_shmem_bytes", gauge,
      "Shared memory and tmpfs in RAM; /sys/devices/system/node/nodeN/meminfo Shmem."},
     &Meminfo::shmem},
    {{"memory_numa_kernel_stack_bytes", gauge,
      "Kernel stacks; /sys/devices/system/node/nodeN/meminfo KernelStack."},
     &Meminfo::kernel_stack},
    {{"memory_numa_shadow_call_stack_bytes", gauge,
      "Shadow call stacks, on arm64; /sys/devices/system/node/nodeN/meminfo ShadowCallStack."},
     &Meminfo::shadow_call_stack},
    {{"memory_numa_page_tables_bytes", gauge,
      "Page tables of user processes; /sys/devices/system/node/nodeN/meminfo PageTables."},
     &Meminfo::page_tables},
    {{"memory_numa_secondary_page_tables_bytes", gauge,
      "Page tables of virtual machines and IOMMUs; /sys/devices/system/node/nodeN/meminfo "
      "SecPageTables."},
     &Meminfo::secondary_page_tables},
    {{"memory_numa_nfs_unstable_bytes", gauge,
      "NFS pages sent and not yet stored, 0 since kernel 5.8; "
      "/sys/devices/system/node/nodeN/meminfo NFS_Unstable."},
     &Meminfo::nfs_unstable},
    {{"memory_numa_bounce_bytes", gauge,
      "Bounce buffers of block devices; /sys/devices/system/node/nodeN/meminfo Bounce."},
     &Meminfo::bounce},
    {{"memory_numa_writeback_tmp_bytes", gauge,
      "FUSE's temporary buffers for writing back; /sys/devices/system/node/nodeN/meminfo "
      "WritebackTmp."},
     &Meminfo::writeback_tmp},
    {{"memory_numa_kernel_reclaimable_bytes", gauge,
      "Kernel memory that reclaim can ask back; /sys/devices/system/node/nodeN/meminfo "
      "KReclaimable."},
     &Meminfo::kernel_reclaimable},
    {{"memory_numa_slab_bytes", gauge,
      "Kernel objects; /sys/devices/system/node/nodeN/meminfo Slab."},
     &Meminfo::slab},
    {{"memory_numa_slab_reclaimable_bytes", gauge,
      "Kernel objects that can be reclaimed; /sys/devices/system/node/nodeN/meminfo SReclaimable."},
     &Meminfo::slab_reclaimable},
    {{"memory_numa_slab_unreclaimable_bytes", gauge,
      "Kernel objects that cannot be reclaimed; /sys/devices/system/node/nodeN/meminfo "
      "SUnreclaim."},
     &Meminfo::slab_unreclaimable},
    {{"memory_numa_anon_huge_pages_bytes", gauge,
      "Transparent huge pages of anonymous memory; /sys/devices/system/node/nodeN/meminfo "
      "AnonHugePages."},
     &Meminfo::anon_huge_pages},
    {{"memory_numa_shmem_huge_pages_bytes", gauge,
      "Transparent huge pages of shared memory; /sys/devices/system/node/nodeN/meminfo "
      "ShmemHugePages."},
     &Meminfo::shmem_huge_pages},
    {{"memory_numa_shmem_pmd_mapped_bytes", gauge,
      "Shared memory mapped by whole huge pages; /sys/devices/system/node/nodeN/meminfo "
      "ShmemPmdMapped."},
     &Meminfo::shmem_pmd_mapped},
    {{"memory_numa_file_huge_pages_bytes", gauge,
      "Transparent huge pages of files; /sys/devices/system/node/nodeN/meminfo FileHugePages."},
     &Meminfo::file_huge_pages},
    {{"memory_numa_file_pmd_mapped_bytes", gauge,
      "Files mapped by whole huge pages; /sys/devices/system/node/nodeN/meminfo FilePmdMapped."},
     &Meminfo::file_pmd_mapped},
    {{"memory_numa_unaccepted_bytes", gauge,
      "RAM that a confidential guest has not accepted yet; /sys/devices/system/node/nodeN/meminfo "
      "Unaccepted."},
     &Meminfo::unaccepted},
    {{"memory_numa_balloon_bytes", gauge,
      "RAM that a balloon driver has given back to the host; "
      "/sys/devices/system/node/nodeN/meminfo Balloon."},
     &Meminfo::balloon},
    {{"memory_numa_gpu_active_bytes", gauge,
      "System memory that GPU drivers use; /sys/devices/system/node/nodeN/meminfo GPUActive."},
     &Meminfo::gpu_active},
    {{"memory_numa_gpu_reclaim_bytes", gauge,
      "System memory in GPU drivers' pools, reclaimable; /sys/devices/system/node/nodeN/meminfo "
      "GPUReclaim."},
     &Meminfo::gpu_reclaim},
};

struct Event {
  Family family;
  std::string_view field;
};

constexpr Event events[] = {
    {{"memory_numa_hit_total", counter,
      "Pages allocated on the node that was asked for; /sys/devices/system/node/nodeN/numastat "
      "numa_hit."},
     "numa_hit"},
    {{"memory_numa_miss_total", counter,
      "Pages allocated on this node though another was asked for; "
      "/sys/devices/system/node/nodeN/numastat numa_miss."},
     "numa_miss"},
    {{"memory_numa_foreign_total", counter,
      "Pages asked for on this node and allocated on another; "
      "/sys/devices/system/node/nodeN/numastat numa_foreign."},
     "numa_foreign"},
    {{"memory_numa_interleave_hit_total", counter,
      "Interleaved pages allocated where they should be; /sys/devices/system/node/nodeN/numastat "
      "interleave_hit."},
     "interleave_hit"},
    {{"memory_numa_local_node_total", counter,
      "Pages allocated here by a process that runs here; /sys/devices/system/node/nodeN/numastat "
      "local_node."},
     "local_node"},
    {{"memory_numa_other_node_total", counter,
      "Pages allocated here by a process that runs elsewhere; "
      "/sys/devices/system/node/nodeN/numastat other_node."},
     "other_node"},
};

constexpr Family other_family = {"memory_numa_other_bytes", gauge,
                                 "Fields of /sys/devices/system/node/nodeN/meminfo that have no "
                                 "metric of their own: those of kernels to come and of "
                                 "vendors."};

constexpr auto numa_families =
    join_families(families_of(amounts), std::array{other_family}, families_of(events));

using Counts = std::array<std::optional<std::uint64_t>, std::size(events)>;

procfs::Parsed<Counts> parse_numastat(std::string_view text) {
  Counts counts;
  const auto skipped = procfs::for_each_flat_keyed(
      text, [&](std::string_view field, std::optional<std::uint64_t> count) {
        for (std::size_t i = 0; i < counts.size(); ++i) {
          if (events[i].field != field) continue;
          if (!counts[i]) counts[i] = count;
          return true;
        }
        return false;
      });
  return {counts, skipped};
}

/// One node; what its files did not say is absent.
struct Node {
  std::string number;
  procfs::Buffer text;  ///< what names in `meminfo` point into
  Meminfo meminfo;
  Counts counts;
};

class NumaCollector final : public Collector {
 public:
  explicit NumaCollector(const procfs::Tree& sysfs) : sysfs_(sysfs) {}

  std::string_view name() const override { return "numa"; }
  std::span<const Family> families() const override { return numa_families; }

  void collect(Collection& collection) const override {
    auto& sink = collection.sink;
    std::vector<Node> nodes;
    for (const auto number : list_numbered(sysfs_, folder, "node", "", collection.errors)) {
      if (collection.out_of_time()) break;
      nodes.push_back(read_node(std::to_string(number), collection.errors));
    }
    for (const auto& [family, member] : amounts) {
      sink.family(family);
      for (const auto& node : nodes) {
        const auto& amount = node.meminfo.*member;
        if (amount) sink.sample({{"numa_node", node.number}}, *amount);
      }
    }
    sink.family(other_family);
    for (const auto& node : nodes) {
      for (const auto& [field, amount] : node.meminfo.other) {
        sink.sample({{"numa_node", node.number}, {"field", field}}, amount);
      }
    }
    for (std::size_t i = 0; i < std::size(events); ++i) {
      sink.family(events[i].family);
      for (const auto& node : nodes) {
        if (const auto& count = node.counts[i]) sink.sample({{"numa_node", node.number}}, *count);
      }
    }
  }

 private:
  static constexpr const char* folder = "devices/system/node";

  /// A node that was taken offline since it was listed leaves its figures absent.
  Node read_node(std::string number, ReadErrors& errors) const {
    Node node;
    const auto path = std::string(folder) + "/node" + number;
    node.number = std::move(number);
    auto meminfo =
        read_file(sysfs_, FileName(path, "meminfo"), node.text, errors, procfs::parse_node_meminfo);
    if (meminfo) node.meminfo = std::move(*meminfo);
    procfs::Buffer buffer;
    const auto counts =
        read_file(sysfs_, FileName(path, "numastat"), buffer, errors, parse_numastat);
    if (counts) node.counts = *counts;
    return node;
  }

  const procfs::Tree& sysfs_;
};

}  // namespace

std::unique_ptr<Collector> make_numa_collector(const Trees& trees, const CollectorOptions&) {
  return std::make_unique<NumaCollector>(trees.sysfs);
}

}  // namespace memory_exporter
