#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "collectors/base/label.h"
#include "collectors/builtin.h"
#include "collectors/cgroup_hierarchy.h"
#include "collectors/cgroup_list.h"
#include "collectors/procfs/flat_keyed.h"
#include "collectors/procfs/plausible.h"
#include "collectors/procfs/pressure.h"
#include "collectors/procfs/single_value.h"
#include "collectors/read_file.h"
#include "collectors/single_values.h"

namespace memory_exporter {
namespace {

using Version = CgroupHierarchy::Version;

constexpr auto gauge = MetricType::gauge;
constexpr auto counter = MetricType::counter;

/// What "max", or the number that stands for it, says of a file's figure.
enum class Max {
  absent,      ///< there is no limit
  everything,  ///< all of its memory is protected: the opposite of no protection
};

/// Where one version of cgroups has a figure: in a file of its own, or as a field of memory.stat.
struct Source {
  const char* file = nullptr;
  std::string_view stat_field;
  Max max = Max::absent;
};

constexpr Source file(const char* name) {
  return {name, {}};
}
constexpr Source protection(const char* name) {
  return {name, {}, Max::everything};
}
constexpr Source stat(std::string_view field) {
  return {nullptr, field};
}
constexpr Source none = {};

struct Figure {
  Family family;
  Source v2;
  Source v1;
};

/// Figures of v1 are its hierarchical ones (total_*), because those of v2 are all hierarchical.
constexpr Figure figures[] = {
    {{"memory_cgroup_current_bytes", gauge,
      "Memory charged to the cgroup and its children, page cache and kernel memory included; "
      "memory.current (v2), memory.usage_in_bytes (v1)."},
     file("memory.current"),
     file("memory.usage_in_bytes")},
    {{"memory_cgroup_peak_bytes", gauge,
      "Most memory ever charged; memory.peak (v2), memory.max_usage_in_bytes (v1)."},
     file("memory.peak"),
     file("memory.max_usage_in_bytes")},
    {{"memory_cgroup_min_bytes", gauge,
      "Setting: memory that reclaim never takes, +Inf where it is max; memory.min."},
     protection("memory.min"),
     none},
    {{"memory_cgroup_low_bytes", gauge,
      "Setting: memory that reclaim spares while others have some, +Inf where it is max; "
      "memory.low."},
     protection("memory.low"),
     none},
    {{"memory_cgroup_high_bytes", gauge,
      "Setting: limit above which allocations are slowed down and reclaimed, absent where there is "
      "none; memory.high."},
     file("memory.high"),
     none},
    {{"memory_cgroup_max_bytes", gauge,
      "Setting: hard limit, absent where there is none; memory.max (v2), memory.limit_in_bytes "
      "(v1)."},
     file("memory.max"),
     file("memory.limit_in_bytes")},
    {{"memory_cgroup_soft_limit_bytes", gauge,
      "Setting: what global reclaim brings the cgroup back to, absent where there is none; "
      "memory.soft_limit_in_bytes (v1)."},
     none,
     file("memory.soft_limit_in_bytes")},
    {{"memory_cgroup_swap_current_bytes", gauge,
      "Swap space in use; memory.swap.current (v2), memory.stat total_swap (v1)."},
     file("memory.swap.current"),
     stat("total_swap")},
    {{"memory_cgroup_swap_peak_bytes", gauge, "Most swap space ever in use; memory.swap.peak."},
     file("memory.swap.peak"),
     none},
    {{"memory_cgroup_swap_high_bytes", gauge,
      "Setting: swap use above which the cgroup is slowed down, absent where there is none; "
      "memory.swap.high."},
     file("memory.swap.high"),
     none},
    {{"memory_cgroup_swap_max_bytes", gauge,
      "Setting: limit of swap space, absent where there is none; memory.swap.max."},
     file("memory.swap.max"),
     none},
    {{"memory_cgroup_memsw_current_bytes", gauge,
      "Memory and swap space together; memory.memsw.usage_in_bytes (v1)."},
     none,
     file("memory.memsw.usage_in_bytes")},
    {{"memory_cgroup_memsw_peak_bytes", gauge,
      "Most memory and swap space ever in use together; memory.memsw.max_usage_in_bytes (v1)."},
     none,
     file("memory.memsw.max_usage_in_bytes")},
    {{"memory_cgroup_memsw_max_bytes", gauge,
      "Setting: limit of memory and swap space together, absent where there is none; "
      "memory.memsw.limit_in_bytes (v1)."},
     none,
     file("memory.memsw.limit_in_bytes")},
    {{"memory_cgroup_zswap_current_bytes", gauge,
      "RAM that the compressed pages in zswap take; memory.zswap.current."},
     file("memory.zswap.current"),
     none},
    {{"memory_cgroup_zswap_max_bytes", gauge,
      "Setting: limit of it, absent where there is none; memory.zswap.max."},
     file("memory.zswap.max"),
     none},
    {{"memory_cgroup_zswap_writeback", gauge,
      "Setting: 1 where zswap may write on to the swap device; memory.zswap.writeback."},
     file("memory.zswap.writeback"),
     none},
    {{"memory_cgroup_oom_group", gauge,
      "Setting: 1 where an OOM kill takes the whole cgroup; memory.oom.group."},
     file("memory.oom.group"),
     none},
    {{"memory_cgroup_stat_anon_bytes", gauge,
      "Anonymous memory, on v1 with its swap cache; memory.stat anon (v2), memory.stat total_rss "
      "(v1)."},
     stat("anon"),
     stat("total_rss")},
    {{"memory_cgroup_stat_file_bytes", gauge,
      "Page cache, shared memory included; memory.stat file (v2), memory.stat total_cache (v1)."},
     stat("file"),
     stat("total_cache")},
    {{"memory_cgroup_stat_kernel_bytes", gauge,
      "Kernel memory of all kinds; memory.stat kernel (v2), memory.kmem.usage_in_bytes (v1)."},
     stat("kernel"),
     file("memory.kmem.usage_in_bytes")},
    {{"memory_cgroup_stat_kernel_stack_bytes", gauge, "Kernel stacks; memory.stat kernel_stack."},
     stat("kernel_stack"),
     none},
    {{"memory_cgroup_stat_page_tables_bytes", gauge, "Page tables; memory.stat pagetables."},
     stat("pagetables"),
     none},
    {{"memory_cgroup_stat_secondary_page_tables_bytes", gauge,
      "Page tables of virtual machines and IOMMUs; memory.stat sec_pagetables."},
     stat("sec_pagetables"),
     none},
    {{"memory_cgroup_stat_percpu_bytes", gauge, "Per-CPU variables; memory.stat percpu."},
     stat("percpu"),
     none},
    {{"memory_cgroup_stat_sock_bytes", gauge, "Network buffers; memory.stat sock."},
     stat("sock"),
     none},
    {{"memory_cgroup_stat_vmalloc_bytes", gauge,
      "Memory allocated through vmalloc; memory.stat vmalloc."},
     stat("vmalloc"),
     none},
    {{"memory_cgroup_stat_shmem_bytes", gauge,
      "Shared memory and tmpfs, within the page cache; memory.stat shmem (v2), memory.stat "
      "total_shmem (v1)."},
     stat("shmem"),
     stat("total_shmem")},
    {{"memory_cgroup_stat_zswap_bytes", gauge,
      "RAM of compressed pages in zswap; memory.stat zswap."},
     stat("zswap"),
     none},
    {{"memory_cgroup_stat_zswapped_bytes", gauge,
      "Memory in zswap before compression; memory.stat zswapped."},
     stat("zswapped"),
     none},
    {{"memory_cgroup_stat_file_mapped_bytes", gauge,
      "Page cache that some process maps; memory.stat file_mapped (v2), memory.stat "
      "total_mapped_file (v1)."},
     stat("file_mapped"),
     stat("total_mapped_file")},
    {{"memory_cgroup_stat_file_dirty_bytes", gauge,
      "Page cache waiting to be written to disk; memory.stat file_dirty (v2), memory.stat "
      "total_dirty (v1)."},
     stat("file_dirty"),
     stat("total_dirty")},
    {{"memory_cgroup_stat_file_writeback_bytes", gauge,
      "Page cache being written to disk; memory.stat file_writeback (v2), memory.stat "
      "total_writeback (v1)."},
     stat("file_writeback"),
     stat("total_writeback")},
    {{"memory_cgroup_stat_swapcached_bytes", gauge,
      "Memory in RAM whose copy in swap is still valid; memory.stat swapcached (v2), memory.stat "
      "total_swapcached (v1)."},
     stat("swapcached"),
     stat("total_swapcached")},
    {{"memory_cgroup_stat_anon_thp_bytes", gauge,
      "Transparent huge pages of anonymous memory; memory.stat anon_thp (v2), memory.stat "
      "total_rss_huge (v1)."},
     stat("anon_thp"),
     stat("total_rss_huge")},
    {{"memory_cgroup_stat_file_thp_bytes", gauge,
      "Transparent huge pages of files; memory.stat file_thp."},
     stat("file_thp"),
     none},
    {{"memory_cgroup_stat_shmem_thp_bytes", gauge,
      "Transparent huge pages of shared memory; memory.stat shmem_thp."},
     stat("shmem_thp"),
     none},
    {{"memory_cgroup_stat_inactive_anon_bytes", gauge,
      "Anonymous and shmem pages first in line for reclaim; memory.stat inactive_anon (v2), "
      "memory.stat total_inactive_anon (v1)."},
     stat("inactive_anon"),
     stat("total_inactive_anon")},
    {{"memory_cgroup_stat_active_anon_bytes", gauge,
      "Recently used anonymous and shmem pages; memory.stat active_anon (v2), memory.stat "
      "total_active_anon (v1)."},
     stat("active_anon"),
     stat("total_active_anon")},
    {{"memory_cgroup_stat_inactive_file_bytes", gauge,
      "Page cache first in line for reclaim; memory.stat inactive_file (v2), memory.stat "
      "total_inactive_file (v1)."},
     stat("inactive_file"),
     stat("total_inactive_file")},
    {{"memory_cgroup_stat_active_file_bytes", gauge,
      "Recently used page cache; memory.stat active_file (v2), memory.stat total_active_file "
      "(v1)."},
     stat("active_file"),
     stat("total_active_file")},
    {{"memory_cgroup_stat_unevictable_bytes", gauge,
      "Pages that cannot be reclaimed; memory.stat unevictable (v2), memory.stat total_unevictable "
      "(v1)."},
     stat("unevictable"),
     stat("total_unevictable")},
    {{"memory_cgroup_stat_slab_reclaimable_bytes", gauge,
      "Kernel objects that can be reclaimed; memory.stat slab_reclaimable."},
     stat("slab_reclaimable"),
     none},
    {{"memory_cgroup_stat_slab_unreclaimable_bytes", gauge,
      "Kernel objects that cannot be reclaimed; memory.stat slab_unreclaimable."},
     stat("slab_unreclaimable"),
     none},
    {{"memory_cgroup_stat_hugetlb_bytes", gauge,
      "Huge pages from the hugetlb pools, only where hugetlb is accounted as memory; memory.stat "
      "hugetlb."},
     stat("hugetlb"),
     none},
    {{"memory_cgroup_stat_pgfault_total", counter,
      "Page faults, major ones included; memory.stat pgfault (v2), memory.stat total_pgfault "
      "(v1)."},
     stat("pgfault"),
     stat("total_pgfault")},
    {{"memory_cgroup_stat_pgmajfault_total", counter,
      "Page faults that waited for a disk; memory.stat pgmajfault (v2), memory.stat "
      "total_pgmajfault (v1)."},
     stat("pgmajfault"),
     stat("total_pgmajfault")},
    {{"memory_cgroup_stat_pgscan_total", counter,
      "Pages that reclaim looked at; memory.stat pgscan."},
     stat("pgscan"),
     none},
    {{"memory_cgroup_stat_pgsteal_total", counter, "Pages reclaimed; memory.stat pgsteal."},
     stat("pgsteal"),
     none},
    {{"memory_cgroup_stat_workingset_refault_anon_total", counter,
      "Evicted anonymous pages that were needed again; memory.stat workingset_refault_anon (v2), "
      "memory.stat total_workingset_refault_anon (v1)."},
     stat("workingset_refault_anon"),
     stat("total_workingset_refault_anon")},
    {{"memory_cgroup_stat_workingset_refault_file_total", counter,
      "Evicted page cache that was needed again; memory.stat workingset_refault_file (v2), "
      "memory.stat total_workingset_refault_file (v1)."},
     stat("workingset_refault_file"),
     stat("total_workingset_refault_file")},
};

constexpr std::array<Family, 7> event_families = {{
    {"memory_cgroup_events_total", counter,
     "Events of the cgroup and its children, those that were removed included; memory.events (v2). "
     "On v1 without children: max is memory.failcnt, oom_kill of memory.oom_control."},
    {"memory_cgroup_events_local_total", counter,
     "Events of the cgroup without its children; memory.events.local (v2)."},
    {"memory_cgroup_swap_events_total", counter,
     "Events of the cgroup's swap limits; memory.swap.events (v2). On v1: max is "
     "memory.memsw.failcnt, of memory and swap together."},
    {"memory_cgroup_pressure_waiting_seconds_total", counter,
     "Time in which at least one task of the cgroup waited for memory; memory.pressure some total "
     "(v2)."},
    {"memory_cgroup_pressure_stalled_seconds_total", counter,
     "Time in which no task of the cgroup could work for lack of memory; memory.pressure full "
     "total "
     "(v2)."},
    {"memory_cgroup_under_oom", gauge,
     "1 while the cgroup's tasks wait because it is out of memory; memory.oom_control under_oom "
     "(v1)."},
    {"memory_cgroup_oom_kill_disabled", gauge,
     "Setting: 1 where tasks wait instead of being killed; memory.oom_control oom_kill_disable "
     "(v1)."},
}};
enum EventFamily : std::size_t {
  events_family,
  local_events_family,
  swap_events_family,
  waiting_family,
  stalled_family,
  under_oom_family,
  oom_kill_disabled_family
};

constexpr Family left_out_family = {
    "memory_exporter_cgroups_left_out", gauge,
    "Cgroups that --collector.cgroup.max leaves out, deepest first, of those that the other "
    "settings select."};

constexpr auto cgroup_families =
    join_families(families_of(figures), event_families, std::array{left_out_family});

struct Field {
  std::string name;
  std::uint64_t value;
};
using Fields = std::vector<Field>;

std::optional<std::uint64_t> find(const Fields& fields, std::string_view name) {
  const auto at = std::find_if(fields.begin(), fields.end(),
                               [&](const Field& field) { return field.name == name; });
  if (at == fields.end()) return std::nullopt;
  return at->value;
}

/// The events of a cgroup, or its few switches. One printed twice keeps its first number.
procfs::Parsed<Fields> parse_fields(std::string_view text) {
  Fields fields;
  const auto skipped = procfs::for_each_flat_keyed(
      text, [&](std::string_view name, std::optional<std::uint64_t> value) {
        auto label = valid_label(name);
        if (value && !find(fields, label)) fields.push_back({std::move(label), *value});
        return true;
      });
  return {std::move(fields), skipped};
}

using Amounts = std::array<std::optional<Value>, std::size(figures)>;

/// Those figures that one version of cgroups has in memory.stat.
procfs::Parsed<Amounts> parse_stat(std::string_view text, Source Figure::*version) {
  Amounts amounts;
  std::size_t next = 0;  // the kernel's order is mostly the table's
  const auto skipped = procfs::for_each_flat_keyed(
      text, [&](std::string_view field, std::optional<std::uint64_t> value) {
        for (std::size_t tried = 0; tried < amounts.size(); ++tried) {
          const auto i = (next + tried) % amounts.size();
          if ((figures[i].*version).stat_field != field) continue;
          const bool is_amount = figures[i].family.name.ends_with("_bytes");
          if (value && is_amount && !procfs::plausible(Bytes{*value})) return true;
          if (!amounts[i] && value) amounts[i] = *value;
          next = i + 1;
          return true;
        }
        return false;
      });
  return {amounts, skipped};
}

/// Whether a number of v1 says that there is no limit: the most pages that a page counter takes
/// (include/linux/page_counter.h, PAGE_COUNTER_MAX), in bytes. On 64 bits that is the largest
/// multiple of a page below 2^63, before 3.19 a number above; on 32 bits it is 2^31 - 1 pages.
bool is_no_limit(std::uint64_t bytes) {
  if (bytes > std::uint64_t{1} << 62) return true;
  constexpr std::uint64_t most_pages = INT32_MAX;
  for (const std::uint64_t page_size : {4096u, 8192u, 16384u, 32768u, 65536u, 262144u}) {
    if (bytes == most_pages * page_size) return true;
  }
  return false;
}

/// What one cgroup's files said; what they did not is absent.
struct Cgroup {
  std::string label;
  Amounts amounts;
  Fields events, local_events, swap_events;
  std::optional<std::uint64_t> under_oom, oom_kill_disabled;
  procfs::Pressure pressure;
};

/// Reads the files of one cgroup. All of them may be missing: it was removed since it was listed,
/// the controller is off for it, or the kernel is older.
class CgroupReader {
 public:
  CgroupReader(const CgroupHierarchy& hierarchy, const std::string& path, ReadErrors& errors)
      : tree_(*hierarchy.tree),
        version_(hierarchy.version),
        folder_(hierarchy.root + (path == "/" ? "" : path)),
        errors_(errors) {
    cgroup_.label = valid_label(hierarchy.kernel_path(path));
  }

  Cgroup read() {
    read_figures();
    if (version_ == Version::v2) {
      read_events();
    } else {
      read_v1_events();
    }
    return std::move(cgroup_);
  }

 private:
  template <typename Parse>
  auto read(const char* name, Parse&& parse) {
    return read_file(tree_, FileName(folder_, name), buffer_, errors_, std::forward<Parse>(parse));
  }

  void read_figures() {
    const auto version = version_ == Version::v2 ? &Figure::v2 : &Figure::v1;
    const auto of_stat =
        read("memory.stat", [&](std::string_view text) { return parse_stat(text, version); });
    if (of_stat) cgroup_.amounts = *of_stat;
    for (std::size_t i = 0; i < std::size(figures); ++i) {
      const auto& source = figures[i].*version;
      if (source.file != nullptr) cgroup_.amounts[i] = read_amount(source);
    }
  }

  void read_events() {
    cgroup_.events = read_fields("memory.events");
    cgroup_.local_events = read_fields("memory.events.local");
    cgroup_.swap_events = read_fields("memory.swap.events");
    const auto pressure = read("memory.pressure", procfs::parse_pressure);
    if (pressure) cgroup_.pressure = *pressure;
  }

  void read_v1_events() {
    if (const auto failures = read("memory.failcnt", procfs::parse_single_value)) {
      cgroup_.events.push_back({"max", *failures});
    }
    if (const auto failures = read("memory.memsw.failcnt", procfs::parse_single_value)) {
      cgroup_.swap_events.push_back({"max", *failures});
    }
    const auto oom = read_fields("memory.oom_control");
    if (const auto kills = find(oom, "oom_kill")) cgroup_.events.push_back({"oom_kill", *kills});
    cgroup_.under_oom = find(oom, "under_oom");
    cgroup_.oom_kill_disabled = find(oom, "oom_kill_disable");
  }

  Fields read_fields(const char* name) { return read(name, parse_fields).value_or(Fields()); }

  std::optional<Value> read_amount(const Source& source) {
    const auto amount = read(source.file, procfs::parse_limit);
    if (!amount) return std::nullopt;
    if (*amount && !is_no_limit((*amount)->value)) {
      return procfs::plausible(**amount) ? std::optional(Value(**amount)) : std::nullopt;
    }
    if (source.max == Max::absent) return std::nullopt;
    return Value(std::numeric_limits<double>::infinity());
  }

  const procfs::Tree& tree_;
  Version version_;
  std::string folder_;
  ReadErrors& errors_;
  procfs::Buffer buffer_;
  Cgroup cgroup_;
};

/// Writes families, each over all cgroups.
class CgroupWriter {
 public:
  CgroupWriter(const std::vector<Cgroup>& cgroups, MetricSink& sink)
      : cgroups_(cgroups), sink_(sink) {}

  void write() {
    for (std::size_t i = 0; i < std::size(figures); ++i) {
      write_each(figures[i].family, [i](const Cgroup& cgroup) { return cgroup.amounts[i]; });
    }
    write_events(events_family, &Cgroup::events);
    write_events(local_events_family, &Cgroup::local_events);
    write_events(swap_events_family, &Cgroup::swap_events);
    write_pressure(waiting_family, &procfs::Pressure::some);
    write_pressure(stalled_family, &procfs::Pressure::full);
    write_each(event_families[under_oom_family],
               [](const Cgroup& cgroup) { return cgroup.under_oom; });
    write_each(event_families[oom_kill_disabled_family],
               [](const Cgroup& cgroup) { return cgroup.oom_kill_disabled; });
  }

  /// Whether there was anything to write.
  bool wrote() const { return wrote_; }

 private:
  template <typename ValueOf>
  void write_each(const Family& family, ValueOf&& value_of) {
    sink_.family(family);
    for (const auto& cgroup : cgroups_) {
      const auto value = value_of(cgroup);
      if (!value) continue;
      sink_.sample({{"cgroup", cgroup.label}}, *value);
      wrote_ = true;
    }
  }

  void write_events(EventFamily index, Fields Cgroup::*events) {
    sink_.family(event_families[index]);
    for (const auto& cgroup : cgroups_) {
      for (const auto& [event, count] : cgroup.*events) {
        sink_.sample({{"cgroup", cgroup.label}, {"event", event}}, count);
        wrote_ = true;
      }
    }
  }

  void write_pressure(EventFamily index,
                      std::optional<std::chrono::microseconds> procfs::Pressure::*total) {
    write_each(event_families[index], [total](const Cgroup& cgroup) -> std::optional<double> {
      const auto& time = cgroup.pressure.*total;
      if (!time) return std::nullopt;
      return std::chrono::duration<double>(*time).count();
    });
  }

  const std::vector<Cgroup>& cgroups_;
  MetricSink& sink_;
  bool wrote_ = false;
};

class CgroupCollector final : public Collector {
 public:
  CgroupCollector(const Trees& trees, CgroupSettings settings)
      : finder_(trees), settings_(std::move(settings)) {}

  std::string_view name() const override { return "cgroup"; }
  std::span<const Family> families() const override { return cgroup_families; }

  void collect(Collection& collection) const override {
    auto& errors = collection.errors;
    const auto hierarchy = finder_.find(errors);
    if (!hierarchy) return;
    const auto list =
        list_cgroups(*hierarchy, settings_, errors, [&] { return collection.out_of_time(); });
    std::vector<Cgroup> cgroups;
    for (const auto& path : list.paths) {
      if (collection.out_of_time()) break;
      cgroups.push_back(CgroupReader(*hierarchy, path, errors).read());
    }
    CgroupWriter writer(cgroups, collection.sink);
    writer.write();
    if (!writer.wrote()) return;  // nothing of use was read
    collection.sink.family(left_out_family);
    collection.sink.sample(list.left_out);
  }

 private:
  mutable CgroupFinder finder_;
  CgroupSettings settings_;
};

}  // namespace

std::unique_ptr<Collector> make_cgroup_collector(const Trees& trees,
                                                 const CollectorOptions& options) {
  return std::make_unique<CgroupCollector>(trees, options.cgroup);
}

}  // namespace memory_exporter
