#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "collectors/base/label.h"
#include "collectors/base/text.h"
#include "collectors/builtin.h"
#include "collectors/procfs/plausible.h"
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
  Number total{}, free{}, reserved{}, surplus{}, overcommit{};
};

/// What is known of transparent huge pages of one size.
struct PageSize {
  std::uint64_t kib = 0;
  std::string size;  ///< "64kB"
  std::optional<procfs::Selection> enabled, shmem_enabled;
  std::vector<std::pair<std::string, std::uint64_t>> events;
  std::vector<std::pair<std::string, std::uint64_t>> pages;
};

constexpr std::string_view size_prefix = "hugepages-";

class HugepagesCollector final : public Collector {
 public:
  explicit HugepagesCollector(const Trees& trees) : sysfs_(trees.sysfs) {}

  std::string_view name() const override { return "hugepages"; }
  std::span<const Family> families() const override { return hugepages_families; }

  void collect(Collection& collection) const override {
    auto& sink = collection.sink;
    auto& errors = collection.errors;
    const auto pools = read_pools(collection);
    const auto node_pools = read_node_pools(errors);
    procfs::Buffer buffer;
    std::array<std::optional<procfs::Selection>, std::size(modes)> selections;
    for (std::size_t i = 0; i < std::size(modes); ++i) {
      selections[i] = read_file(sysfs_, modes[i].path, buffer, errors, procfs::parse_selection);
    }
    const auto sizes = read_page_sizes(errors);
    const auto numbers = SingleValues::read(sysfs_, values, errors);

    write_pools(sink, pool_family, pools);
    sink.family(pool_limit_family);
    for (const auto& pool : pools) {
      if (pool.overcommit) sink.sample({{"size", pool.size}}, *pool.overcommit);
    }
    write_pools(sink, node_pool_family, node_pools);
    for (std::size_t i = 0; i < std::size(modes); ++i) {
      sink.family(modes[i].family);
      const auto& selection = selections[i];
      if (selection) write_states(sink, "mode", selection->choices, selection->chosen);
    }
    write_page_sizes(sink, sizes);
    numbers.write(sink);
  }

 private:
  std::vector<Pool> read_pools(Collection& collection) const {
    auto pools = read_pools_in("kernel/mm/hugepages", "", collection.errors);
    return pools.empty() ? read_pool_of_meminfo(collection) : pools;
  }

  std::vector<Pool> read_node_pools(ReadErrors& errors) const {
    std::vector<Pool> all;
    for (const auto node : list_numbered(sysfs_, "devices/system/node", "node", "", errors)) {
      const auto name = std::to_string(node);
      auto pools = read_pools_in("devices/system/node/node" + name + "/hugepages", name, errors);
      std::move(pools.begin(), pools.end(), std::back_inserter(all));
    }
    return all;
  }

  std::vector<Pool> read_pools_in(const std::string& folder, const std::string& node,
                                  ReadErrors& errors) const {
    std::vector<Pool> pools;
    const auto listed = FileName::labelled(folder, "hugepages");
    for (const auto size : list_sizes(listed, errors)) {
      Pool pool{.size = std::to_string(size) + "kB", .node = node};
      const auto path = folder + '/' + std::string(size_prefix) + pool.size;
      const struct {
        const char* file;
        Number& number;
      } files[] = {{"nr_hugepages", pool.total},
                   {"free_hugepages", pool.free},
                   {"resv_hugepages", pool.reserved},
                   {"surplus_hugepages", pool.surplus},
                   {"nr_overcommit_hugepages", pool.overcommit}};
      for (const auto& [file, number] : files) {
        number = plausible(read_number(sysfs_, FileName(path, file), errors), size);
      }
      pools.push_back(std::move(pool));
    }
    return pools;
  }

  /// The pool of the default size, which is all that a container without /sys can see.
  static std::vector<Pool> read_pool_of_meminfo(Collection& collection) {
    const auto* meminfo = collection.meminfo.get(collection.errors);
    if (meminfo == nullptr || meminfo->hugepage_size.value_or(Bytes{}) == Bytes{}) return {};
    const auto size = meminfo->hugepage_size->value / 1024;
    return {{std::to_string(size) + "kB",
             "",
             plausible(meminfo->huge_pages_total, size),
             plausible(meminfo->huge_pages_free, size),
             plausible(meminfo->huge_pages_reserved, size),
             plausible(meminfo->huge_pages_surplus, size),
             {}}};
  }

  /// A number of pages of a size in kB; nothing where so many fit into no machine.
  static Number plausible(Number pages, std::uint64_t size) {
    return procfs::plausible_count(pages, Bytes::from_kib(size));
  }

  /// The sizes in kB that a folder has pages of; not one that is no page's.
  std::vector<std::uint64_t> list_sizes(const FileName& folder, ReadErrors& errors) const {
    auto sizes = list_numbered(sysfs_, folder, size_prefix, "kB", errors);
    std::erase_if(sizes,
                  [](std::uint64_t size) { return size == 0 || !procfs::plausible_kib(size); });
    return sizes;
  }

  std::vector<PageSize> read_page_sizes(ReadErrors& errors) const {
    const char* const folder = "kernel/mm/transparent_hugepage";
    std::vector<PageSize> all;
    for (const auto size : list_sizes(folder, errors)) {
      PageSize page;
      page.kib = size;
      page.size = std::to_string(size) + "kB";
      read_page_size(std::string(folder) + '/' + std::string(size_prefix) + page.size, page,
                     errors);
      all.push_back(std::move(page));
    }
    return all;
  }

  void read_page_size(const std::string& path, PageSize& page, ReadErrors& errors) const {
    procfs::Buffer buffer;
    const auto read_modes = [&](const char* file) {
      return read_file(sysfs_, FileName(path, file), buffer, errors, procfs::parse_selection);
    };
    page.enabled = read_modes("enabled");
    page.shmem_enabled = read_modes("shmem_enabled");
    if (is_off(page.enabled) && is_off(page.shmem_enabled)) return;
    const auto stats = path + "/stats";
    for (const auto& file : list_names(sysfs_, FileName::labelled(stats, "stats"), errors)) {
      const auto number =
          read_number(sysfs_, FileName::labelled(stats + '/' + file, "stats"), errors);
      if (!number) continue;
      if (file.starts_with("nr_")) {
        // The kernel adds up what each CPU counted, one after another: a page that is made here
        // and freed there can leave a sum below 0.
        const auto pages = plausible(number, page.kib);
        if (pages) page.pages.emplace_back(valid_label(file.substr(3)), *pages);
      } else {
        page.events.emplace_back(valid_label(file), *number);
      }
    }
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

  const procfs::Tree& sysfs_;
};

}  // namespace

std::unique_ptr<Collector> make_hugepages_collector(const Trees& trees, const CollectorOptions&) {
  return std::make_unique<HugepagesCollector>(trees);
}

}  // namespace memory_exporter
