#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "collectors/base/text.h"
#include "collectors/builtin.h"
#include "collectors/procfs/meminfo.h"
#include "collectors/procfs/selection.h"
#include "collectors/read_file.h"
#include "collectors/single_values.h"
#include "collectors/states.h"
#include "collectors/sysfs_list.h"

namespace memory_exporter {
namespace {

constexpr auto gauge = MetricType::gauge;
constexpr auto counter = MetricType::counter;

constexpr Family pool_family = {
    "memory_hugepages_pool_pages", gauge,
    "Pages of a hugetlb pool by state; free ones, reserved ones (a part of the free) and surplus "
    "ones are parts of the total; /sys/kernel/mm/hugepages, else /proc/meminfo HugePages_*."};
constexpr Family pool_limit_family = {"memory_hugepages_pool_overcommit_pages", gauge,
                                      "Setting: surplus pages the pool may grow by; "
                                      "/sys/kernel/mm/hugepages nr_overcommit_hugepages."};
constexpr Family node_pool_family = {
    "memory_hugepages_node_pool_pages", gauge,
    "Pages of a hugetlb pool on one NUMA node by state; /sys/devices/system/node/nodeN/hugepages."};
constexpr Family mthp_enabled_family = {
    "memory_hugepages_mthp_enabled", gauge,
    "1 for the mode in force for anonymous memory in pages of this size, 0 for the others; "
    "/sys/kernel/mm/transparent_hugepage/hugepages-SIZE/enabled."};
constexpr Family mthp_shmem_family = {
    "memory_hugepages_mthp_shmem_enabled", gauge,
    "1 for the mode in force for shared memory in pages of this size, 0 for the others; "
    "/sys/kernel/mm/transparent_hugepage/hugepages-SIZE/shmem_enabled."};
constexpr Family mthp_events_family = {
    "memory_hugepages_mthp_events_total", counter,
    "Events of transparent huge pages of a size that is not switched off; "
    "/sys/kernel/mm/transparent_hugepage/hugepages-SIZE/stats, the event is the file's name."};
constexpr Family mthp_pages_family = {
    "memory_hugepages_mthp_pages", gauge,
    "Transparent huge pages of a size that is not switched off; partially mapped ones are a part "
    "of "
    "the anonymous; "
    "/sys/kernel/mm/transparent_hugepage/hugepages-SIZE/stats/nr_*."};

/// A setting of transparent huge pages that is one of several modes.
struct Mode {
  Family family;
  const char* path;
};

constexpr Mode modes[] = {
    {{"memory_hugepages_thp_enabled", gauge,
      "1 for the mode in force for anonymous memory, 0 for the others; "
      "/sys/kernel/mm/transparent_hugepage/enabled."},
     "kernel/mm/transparent_hugepage/enabled"},
    {{"memory_hugepages_thp_defrag", gauge,
      "1 for the mode in force, 0 for the others: when a page fault reclaims and compacts to get a "
      "huge page; /sys/kernel/mm/transparent_hugepage/defrag."},
     "kernel/mm/transparent_hugepage/defrag"},
    {{"memory_hugepages_thp_shmem_enabled", gauge,
      "1 for the mode in force for shared memory, 0 for the others; "
      "/sys/kernel/mm/transparent_hugepage/shmem_enabled."},
     "kernel/mm/transparent_hugepage/shmem_enabled"},
};

constexpr SingleValue values[] = {
    {{"memory_hugepages_thp_size_bytes", gauge,
      "Size of a page-table-level huge page; /sys/kernel/mm/transparent_hugepage/hpage_pmd_size."},
     "kernel/mm/transparent_hugepage/hpage_pmd_size",
     bytes_from_bytes},
    {{"memory_hugepages_thp_use_zero_page", gauge,
      "Setting: 1 where reads of untouched memory map a huge zero page; "
      "/sys/kernel/mm/transparent_hugepage/use_zero_page."},
     "kernel/mm/transparent_hugepage/use_zero_page",
     plain_number},
    {{"memory_hugepages_thp_shrink_underused", gauge,
      "Setting: 1 where mostly empty huge pages are split under pressure; "
      "/sys/kernel/mm/transparent_hugepage/shrink_underused."},
     "kernel/mm/transparent_hugepage/shrink_underused",
     plain_number},
    {{"memory_hugepages_khugepaged_pages_collapsed_total", counter,
      "Huge pages that khugepaged made of small ones; "
      "/sys/kernel/mm/transparent_hugepage/khugepaged/pages_collapsed."},
     "kernel/mm/transparent_hugepage/khugepaged/pages_collapsed",
     plain_number},
    {{"memory_hugepages_khugepaged_full_scans_total", counter,
      "Times that khugepaged went through all candidates; "
      "/sys/kernel/mm/transparent_hugepage/khugepaged/full_scans."},
     "kernel/mm/transparent_hugepage/khugepaged/full_scans",
     plain_number},
    {{"memory_hugepages_khugepaged_defrag", gauge,
      "Setting: 1 where khugepaged may reclaim and compact; "
      "/sys/kernel/mm/transparent_hugepage/khugepaged/defrag."},
     "kernel/mm/transparent_hugepage/khugepaged/defrag",
     plain_number},
    {{"memory_hugepages_khugepaged_pages_to_scan", gauge,
      "Setting: pages to scan before sleeping; "
      "/sys/kernel/mm/transparent_hugepage/khugepaged/pages_to_scan."},
     "kernel/mm/transparent_hugepage/khugepaged/pages_to_scan",
     plain_number},
    {{"memory_hugepages_khugepaged_scan_sleep_seconds", gauge,
      "Setting: sleep between scans; "
      "/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs."},
     "kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs",
     seconds_from_milliseconds},
    {{"memory_hugepages_khugepaged_alloc_sleep_seconds", gauge,
      "Setting: sleep after a failed allocation; "
      "/sys/kernel/mm/transparent_hugepage/khugepaged/alloc_sleep_millisecs."},
     "kernel/mm/transparent_hugepage/khugepaged/alloc_sleep_millisecs",
     seconds_from_milliseconds},
    {{"memory_hugepages_khugepaged_max_ptes_none", gauge,
      "Setting: untouched small pages that a collapse may fill in; "
      "/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none."},
     "kernel/mm/transparent_hugepage/khugepaged/max_ptes_none",
     plain_number},
    {{"memory_hugepages_khugepaged_max_ptes_swap", gauge,
      "Setting: swapped pages that a collapse may read back; "
      "/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_swap."},
     "kernel/mm/transparent_hugepage/khugepaged/max_ptes_swap",
     plain_number},
    {{"memory_hugepages_khugepaged_max_ptes_shared", gauge,
      "Setting: shared pages that a collapse may copy; "
      "/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_shared."},
     "kernel/mm/transparent_hugepage/khugepaged/max_ptes_shared",
     plain_number},
};

constexpr auto hugepages_families =
    join_families(std::array{pool_family, pool_limit_family, node_pool_family, modes[0].family,
                             modes[1].family, modes[2].family, mthp_enabled_family,
                             mthp_shmem_family, mthp_events_family, mthp_pages_family},
                  families_of(values));

using Number = std::optional<std::uint64_t>;

/// One hugetlb pool, of the machine or of a node.
struct Pool {
  std::string size;  ///< "2048kB"
  std::string node;  ///< "0"; empty: the machine's
  Number total, free, reserved, surplus, overcommit;
};

/// What is known of transparent huge pages of one size.
struct PageSize {
  std::string size;
  std::optional<procfs::Selection> enabled, shmem_enabled;
  std::vector<std::pair<std::string, std::uint64_t>> events;
  std::vector<std::pair<std::string, std::uint64_t>> pages;
};

constexpr std::string_view size_prefix = "hugepages-";

class HugepagesCollector final : public Collector {
 public:
  explicit HugepagesCollector(const Trees& trees) : procfs_(trees.procfs), sysfs_(trees.sysfs) {}

  std::string_view name() const override { return "hugepages"; }
  std::span<const Family> families() const override { return hugepages_families; }

  Status collect(const process::Snapshot&, MetricSink& sink) const override {
    const auto pools = read_pools();
    if (!pools) return pools.error();
    const auto node_pools = read_node_pools();
    if (!node_pools) return node_pools.error();
    procfs::Buffer buffer;
    std::array<std::optional<procfs::Selection>, std::size(modes)> selections;
    for (std::size_t i = 0; i < std::size(modes); ++i) {
      auto selection = read_file(sysfs_, modes[i].path, buffer, procfs::parse_selection);
      if (!selection) return selection.error();
      selections[i] = std::move(*selection);
    }
    const auto sizes = read_page_sizes();
    if (!sizes) return sizes.error();
    const auto numbers = SingleValues::read(sysfs_, values);
    if (!numbers) return numbers.error();

    write_pools(sink, pool_family, *pools);
    sink.family(pool_limit_family);
    for (const auto& pool : *pools) {
      if (pool.overcommit) sink.sample({{"size", pool.size}}, *pool.overcommit);
    }
    write_pools(sink, node_pool_family, *node_pools);
    for (std::size_t i = 0; i < std::size(modes); ++i) {
      sink.family(modes[i].family);
      const auto& selection = selections[i];
      if (selection) write_states(sink, "mode", selection->choices, selection->chosen);
    }
    write_page_sizes(sink, *sizes);
    numbers->write(sink);
    return Done{};
  }

 private:
  Result<std::vector<Pool>> read_pools() const {
    const auto pools = read_pools_in("kernel/mm/hugepages", "");
    if (!pools || !pools->empty()) return pools;
    return read_pool_of_meminfo();
  }

  Result<std::vector<Pool>> read_node_pools() const {
    std::vector<Pool> all;
    const auto nodes = list_numbered(sysfs_, "devices/system/node", "node", "");
    if (!nodes) return nodes.error();
    for (const auto node : *nodes) {
      const auto name = std::to_string(node);
      auto pools = read_pools_in("devices/system/node/node" + name + "/hugepages", name);
      if (!pools) return pools.error();
      std::move(pools->begin(), pools->end(), std::back_inserter(all));
    }
    return all;
  }

  Result<std::vector<Pool>> read_pools_in(const std::string& folder,
                                          const std::string& node) const {
    std::vector<Pool> pools;
    const auto sizes = list_numbered(sysfs_, folder, size_prefix, "kB");
    if (!sizes) return sizes.error();
    for (const auto size : *sizes) {
      Pool pool{std::to_string(size) + "kB", node, {}, {}, {}, {}, {}};
      const auto path = folder + '/' + std::string(size_prefix) + pool.size + '/';
      const struct {
        const char* file;
        Number& number;
      } files[] = {{"nr_hugepages", pool.total},
                   {"free_hugepages", pool.free},
                   {"resv_hugepages", pool.reserved},
                   {"surplus_hugepages", pool.surplus},
                   {"nr_overcommit_hugepages", pool.overcommit}};
      for (const auto& [file, number] : files) {
        const auto read = read_number(sysfs_, path + file);
        if (!read) return read.error();
        number = *read;
      }
      pools.push_back(std::move(pool));
    }
    return pools;
  }

  /// The pool of the default size, which is all that a container without /sys can see.
  Result<std::vector<Pool>> read_pool_of_meminfo() const {
    procfs::Buffer buffer;
    const auto meminfo = read_file(procfs_, "meminfo", buffer, procfs::parse_meminfo);
    if (!meminfo) return meminfo.error();
    std::vector<Pool> pools;
    if (*meminfo && (*meminfo)->hugepage_size) {
      const auto& read = **meminfo;
      pools.push_back({std::to_string(read.hugepage_size->value / 1024) + "kB",
                       "",
                       read.huge_pages_total,
                       read.huge_pages_free,
                       read.huge_pages_reserved,
                       read.huge_pages_surplus,
                       {}});
    }
    return pools;
  }

  Result<std::vector<PageSize>> read_page_sizes() const {
    const std::string folder = "kernel/mm/transparent_hugepage";
    const auto sizes = list_numbered(sysfs_, folder, size_prefix, "kB");
    if (!sizes) return sizes.error();
    std::vector<PageSize> all;
    for (const auto size : *sizes) {
      PageSize page;
      page.size = std::to_string(size) + "kB";
      const auto path = folder + '/' + std::string(size_prefix) + page.size + '/';
      if (const auto read = read_page_size(path, page); !read) return read.error();
      all.push_back(std::move(page));
    }
    return all;
  }

  Status read_page_size(const std::string& path, PageSize& page) const {
    procfs::Buffer buffer;
    const auto read_modes = [&](const char* file) {
      return read_file(sysfs_, (path + file).c_str(), buffer, procfs::parse_selection);
    };
    auto enabled = read_modes("enabled");
    if (!enabled) return enabled.error();
    page.enabled = std::move(*enabled);
    auto shmem = read_modes("shmem_enabled");
    if (!shmem) return shmem.error();
    page.shmem_enabled = std::move(*shmem);
    if (is_off(page.enabled) && is_off(page.shmem_enabled)) return Done{};
    const auto files = list_if_present(sysfs_, path + "stats");
    if (!files) return files.error();
    for (const auto& file : *files) {
      const auto number = read_number(sysfs_, path + "stats/" + file);
      if (!number) return number.error();
      if (!*number) continue;
      if (file.starts_with("nr_")) {
        page.pages.emplace_back(file.substr(3), **number);
      } else {
        page.events.emplace_back(file, **number);
      }
    }
    return Done{};
  }

  /// Counters of a size that is not in use are not worth their 17 reads.
  static bool is_off(const std::optional<procfs::Selection>& mode) {
    return !mode || mode->choices[mode->chosen] == "never";
  }

  static void write_pools(MetricSink& sink, const Family& family, const std::vector<Pool>& pools) {
    sink.family(family);
    for (const auto& pool : pools) {
      std::vector<Label> labels;
      if (!pool.node.empty()) labels.push_back({"numa_node", pool.node});
      labels.push_back({"size", pool.size});
      labels.push_back({"state", {}});
      const auto write = [&](std::string_view state, const Number& number) {
        labels.back().value = state;
        if (number) sink.sample(labels, *number);
      };
      write("total", pool.total);
      write("free", pool.free);
      write("reserved", pool.reserved);
      write("surplus", pool.surplus);
    }
  }

  static void write_page_sizes(MetricSink& sink, const std::vector<PageSize>& sizes) {
    const auto write_modes = [&](const Family& family,
                                 std::optional<procfs::Selection> PageSize::*mode) {
      sink.family(family);
      for (const auto& page : sizes) {
        const Label label{"size", page.size};
        const auto& selection = page.*mode;
        if (selection) {
          write_states(sink, "mode", selection->choices, selection->chosen, {&label, 1});
        }
      }
    };
    write_modes(mthp_enabled_family, &PageSize::enabled);
    write_modes(mthp_shmem_family, &PageSize::shmem_enabled);
    sink.family(mthp_events_family);
    for (const auto& page : sizes) {
      for (const auto& [event, number] : page.events) {
        sink.sample({{"size", page.size}, {"event", event}}, number);
      }
    }
    sink.family(mthp_pages_family);
    for (const auto& page : sizes) {
      for (const auto& [state, number] : page.pages) {
        sink.sample({{"size", page.size}, {"state", state}}, number);
      }
    }
  }

  const procfs::Tree& procfs_;
  const procfs::Tree& sysfs_;
};

}  // namespace

std::unique_ptr<Collector> make_hugepages_collector(const Trees& trees, const CollectorOptions&) {
  return std::make_unique<HugepagesCollector>(trees);
}

}  // namespace memory_exporter
