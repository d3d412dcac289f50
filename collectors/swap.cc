#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "collectors/base/label.h"
#include "collectors/base/text.h"
#include "collectors/builtin.h"
#include "collectors/procfs/plausible.h"
#include "collectors/procfs/single_value.h"
#include "collectors/procfs/swaps.h"
#include "collectors/procfs/zram.h"
#include "collectors/read_file.h"
#include "collectors/single_values.h"
#include "collectors/sysfs_list.h"

namespace memory_exporter {
namespace {

using procfs::SwapDevice;
using procfs::ZramMemory;

constexpr auto gauge = MetricType::gauge;
constexpr auto counter = MetricType::counter;

// Swap devices.

enum DeviceIndex : std::size_t { size, used, priority, device_family_count };

constexpr std::array<Family, device_family_count> device_families = {{
    {"memory_swap_device_size_bytes", gauge,
     "Size of a swap partition, file or zram disk; /proc/swaps Size."},
    {"memory_swap_device_used_bytes", gauge, "Swap space in use on a device; /proc/swaps Used."},
    {"memory_swap_device_priority", gauge,
     "Priority of a swap device, the highest is filled first; /proc/swaps Priority."},
}};

/// The N of a zram disk, whatever path leads to it: /proc/swaps has the one that swapon was given
/// (/dev/block/zram0 on Android, /zram1 where /dev was a mount that is gone).
std::optional<std::uint64_t> zram_number(const SwapDevice& device) {
  if (device.kind != "partition") return std::nullopt;
  std::string_view name = device.name;
  constexpr std::string_view deleted = " (deleted)", prefix = "zram";
  if (name.ends_with(deleted)) name.remove_suffix(deleted.size());
  name.remove_prefix(name.rfind('/') + 1);
  return number_between(name, prefix, "");
}

std::string zram_label(std::uint64_t number) {
  return "/dev/zram" + std::to_string(number);
}

/// Makes labels of names and kinds. A zram disk is a partition to the kernel, but its contents stay
/// in RAM, and its name is the one that memory_swap_zram_* has.
void label(SwapDevice& device) {
  if (const auto number = zram_number(device)) {
    device.name = zram_label(*number);
    device.kind = "zram";
  } else {
    device.name = valid_label(device.name);
    device.kind = valid_label(device.kind);
  }
}

/// Files deleted under the kernel's feet can share a name: one series may stand for several.
std::vector<SwapDevice> merge_same_names(std::vector<SwapDevice> devices) {
  std::vector<SwapDevice> merged;
  for (auto& device : devices) {
    bool known = false;
    for (auto& other : merged) {
      if (other.name != device.name || other.kind != device.kind) continue;
      add_complete(other.size, device.size);
      add_complete(other.used, device.used);
      known = true;
    }
    if (!known) merged.push_back(std::move(device));
  }
  return merged;
}

/// Of either kind of optional.
template <typename Optional>
std::optional<Value> value_of(const Optional& figure) {
  if (!figure) return std::nullopt;
  return Value(*figure);
}

void write_devices(MetricSink& sink, const std::vector<SwapDevice>& devices) {
  const auto write = [&](DeviceIndex index, auto&& figure) {
    sink.family(device_families[index]);
    for (const auto& device : devices) {
      const std::optional<Value> value = figure(device);
      if (value) sink.sample({{"device", device.name}, {"kind", device.kind}}, *value);
    }
  };
  write(size, [](const SwapDevice& device) { return value_of(device.size); });
  write(used, [](const SwapDevice& device) { return value_of(device.used); });
  write(priority, [](const SwapDevice& device) { return std::optional<Value>(device.priority); });
}

// zram disks, used for swap or not.

struct ZramRow {
  Family family;
  std::optional<Value> (*value)(const ZramMemory& memory);
};

constexpr ZramRow zram_rows[] = {
    {{"memory_swap_zram_original_bytes", gauge,
      "Contents of a zram disk before compression; /sys/block/zramN/mm_stat orig_data_size."},
     [](const ZramMemory& memory) { return value_of(memory.original); }},
    {{"memory_swap_zram_compressed_bytes", gauge,
      "Contents of a zram disk after compression; /sys/block/zramN/mm_stat compr_data_size."},
     [](const ZramMemory& memory) { return value_of(memory.compressed); }},
    {{"memory_swap_zram_used_bytes", gauge,
      "RAM that a zram disk takes, with the allocator's overhead; /sys/block/zramN/mm_stat "
      "mem_used_total."},
     [](const ZramMemory& memory) { return value_of(memory.used); }},
    {{"memory_swap_zram_used_peak_bytes", gauge,
      "Most RAM that a zram disk has taken; /sys/block/zramN/mm_stat mem_used_max."},
     [](const ZramMemory& memory) { return value_of(memory.used_peak); }},
    {{"memory_swap_zram_limit_bytes", gauge,
      "Most RAM that a zram disk may take, absent where there is no limit; "
      "/sys/block/zramN/mm_stat mem_limit."},
     [](const ZramMemory& memory) {
       return value_of(memory.limit == Bytes{} ? OptionalBytes() : memory.limit);
     }},
    {{"memory_swap_zram_same_pages", gauge,
      "Pages of one repeated word, which take no memory; /sys/block/zramN/mm_stat same_pages."},
     [](const ZramMemory& memory) { return value_of(memory.same_pages); }},
    {{"memory_swap_zram_huge_pages", gauge,
      "Pages that did not compress; /sys/block/zramN/mm_stat huge_pages."},
     [](const ZramMemory& memory) { return value_of(memory.huge_pages); }},
    {{"memory_swap_zram_pages_compacted_total", counter,
      "Pages that compacting a zram disk's memory has freed; /sys/block/zramN/mm_stat "
      "pages_compacted."},
     [](const ZramMemory& memory) { return value_of(memory.compacted); }},
};

constexpr Family zram_size_family = {
    "memory_swap_zram_size_bytes", gauge,
    "Size of a zram disk, 0 before it is set up; /sys/block/zramN/disksize."};

struct Zram {
  std::string device;  ///< "/dev/zram0", as in the label of swap devices
  ZramMemory memory;
  OptionalBytes size;
};

void write_zram(MetricSink& sink, const std::vector<Zram>& disks) {
  sink.family(zram_size_family);
  for (const auto& disk : disks) {
    if (disk.size) sink.sample({{"device", disk.device}}, *disk.size);
  }
  for (const auto& row : zram_rows) {
    sink.family(row.family);
    for (const auto& disk : disks) {
      if (const auto value = row.value(disk.memory)) sink.sample({{"device", disk.device}}, *value);
    }
  }
}

// zswap.

constexpr Family zswap_enabled_family = {"memory_swap_zswap_enabled", gauge,
                                         "Setting: 1 where zswap compresses what is swapped out; "
                                         "/sys/module/zswap/parameters/enabled."};
constexpr Family zswap_pool_family = {
    "memory_swap_zswap_pool_bytes", gauge,
    "RAM that zswap's compressed pages take; /proc/meminfo Zswap, before kernel 5.19 "
    "/sys/kernel/debug/zswap/pool_total_size."};
constexpr Family zswap_stored_family = {
    "memory_swap_zswap_stored_bytes", gauge,
    "Memory in zswap before compression; /proc/meminfo Zswapped, before kernel 5.19 "
    "/sys/kernel/debug/zswap/stored_pages."};
constexpr Family zswap_rejects_family = {
    "memory_swap_zswap_rejects_total", counter,
    "Pages that zswap did not take, by reason; /sys/kernel/debug/zswap/reject_*, readable by root "
    "where debugfs is mounted."};

constexpr SingleValue zswap_settings[] = {
    {{"memory_swap_zswap_pool_limit_ratio", gauge,
      "Setting: share of RAM that zswap may take; /sys/module/zswap/parameters/max_pool_percent."},
     "module/zswap/parameters/max_pool_percent",
     ratio_from_percent},
    {{"memory_swap_zswap_accept_threshold_ratio", gauge,
      "Setting: share of its limit below which a full zswap takes pages again; "
      "/sys/module/zswap/parameters/accept_threshold_percent."},
     "module/zswap/parameters/accept_threshold_percent",
     ratio_from_percent},
};

constexpr SingleValue zswap_events[] = {
    {{"memory_swap_zswap_limit_hits_total", counter,
      "Times that zswap was full; /sys/kernel/debug/zswap/pool_limit_hit, readable by root where "
      "debugfs is mounted."},
     "kernel/debug/zswap/pool_limit_hit",
     plain_number},
    {{"memory_swap_zswap_written_back_pages_total", counter,
      "Pages that zswap wrote on to its swap device; /sys/kernel/debug/zswap/written_back_pages, "
      "readable by root where debugfs is mounted."},
     "kernel/debug/zswap/written_back_pages",
     plain_number},
};

constexpr auto swap_families = join_families(
    device_families, std::array{zram_size_family}, families_of(zram_rows),
    std::array{zswap_enabled_family, zswap_pool_family, zswap_stored_family, zswap_rejects_family},
    families_of(zswap_settings), families_of(zswap_events));

struct Reject {
  std::string reason;
  std::uint64_t count;
};

/// All that is known of zswap.
struct Zswap {
  std::optional<bool> enabled;
  OptionalBytes pool;
  OptionalBytes stored;
  std::vector<Reject> rejects;
};

void write_zswap(MetricSink& sink, const Zswap& zswap) {
  sink.family(zswap_enabled_family);
  if (zswap.enabled) sink.sample(Value(std::uint64_t{*zswap.enabled}));
  sink.family(zswap_pool_family);
  if (zswap.pool) sink.sample(*zswap.pool);
  sink.family(zswap_stored_family);
  if (zswap.stored) sink.sample(*zswap.stored);
  sink.family(zswap_rejects_family);
  for (const auto& [reason, count] : zswap.rejects) sink.sample({{"reason", reason}}, count);
}

class SwapCollector final : public Collector {
 public:
  SwapCollector(const Trees& trees, const CollectorOptions& options)
      : procfs_(trees.procfs), sysfs_(trees.sysfs), page_size_(options.page_size) {}

  std::string_view name() const override { return "swap"; }
  std::span<const Family> families() const override { return swap_families; }

  void collect(Collection& collection) const override {
    auto& sink = collection.sink;
    auto& errors = collection.errors;
    procfs::Buffer buffer;
    auto devices = read_file(procfs_, "swaps", buffer, errors, procfs::parse_swaps);
    if (devices) {
      for (auto& device : *devices) label(device);
      write_devices(sink, merge_same_names(std::move(*devices)));
    }
    write_zram(sink, read_zram(collection));
    write_zswap(sink, read_zswap(collection));
    SingleValues::read(sysfs_, zswap_settings, errors).write(sink);
    ReadErrors of_debugfs;
    SingleValues::read(sysfs_, zswap_events, of_debugfs).write(sink);
    errors.take(of_debugfs, ErrorKind::denied);
  }

 private:
  std::vector<Zram> read_zram(Collection& collection) const {
    auto& errors = collection.errors;
    std::vector<Zram> disks;
    for (const auto number : list_numbered(sysfs_, "block", "zram", "", errors)) {
      if (collection.out_of_time()) break;
      const auto folder = "block/zram" + std::to_string(number);
      procfs::Buffer buffer;
      const auto memory =
          read_file(sysfs_, FileName(folder, "mm_stat"), buffer, errors, procfs::parse_zram_memory);
      // The size of a disk is what its owner wrote, and may be far more than there is.
      const auto size = read_number(sysfs_, FileName(folder, "disksize"), errors);
      disks.push_back({zram_label(number), memory.value_or(ZramMemory()),
                       size ? procfs::plausible(Bytes{*size}) : OptionalBytes()});
    }
    return disks;
  }

  Zswap read_zswap(Collection& collection) const {
    auto& errors = collection.errors;
    Zswap zswap;
    procfs::Buffer buffer;
    zswap.enabled = read_file(sysfs_, "module/zswap/parameters/enabled", buffer, errors,
                              procfs::parse_yes_or_no);
    if (const auto* meminfo = collection.meminfo.get(errors)) {
      zswap.pool = meminfo->zswap;
      zswap.stored = meminfo->zswapped;
    }
    ReadErrors of_debugfs;
    read_debugfs(zswap, of_debugfs);
    errors.take(of_debugfs, ErrorKind::denied);
    return zswap;
  }

  /// debugfs is for root alone, and often not mounted: that it is denied is not missed.
  void read_debugfs(Zswap& zswap, ReadErrors& errors) const {
    const std::string folder = "kernel/debug/zswap";
    constexpr std::string_view reject = "reject_";
    for (const auto& name : list_names(sysfs_, FileName::labelled(folder, "zswap"), errors)) {
      const bool is_pool = name == "pool_total_size" && !zswap.pool;
      const bool is_stored = name == "stored_pages" && !zswap.stored;
      if (!is_pool && !is_stored && !name.starts_with(reject)) continue;
      const auto number =
          read_number(sysfs_, FileName::labelled(folder + '/' + name, "zswap"), errors);
      if (!number) continue;
      if (is_pool) {
        zswap.pool = procfs::plausible(Bytes{*number});
      } else if (is_stored) {
        zswap.stored = in_bytes(*number, errors);
      } else {
        zswap.rejects.push_back({valid_label(name.substr(reject.size())), *number});
      }
    }
  }

  OptionalBytes in_bytes(std::uint64_t pages, ReadErrors& errors) const {
    const auto size = page_size_(procfs_);
    if (!size) errors.add("zswap", size.error());
    return size && *size ? procfs::plausible_pages(pages, **size) : OptionalBytes();
  }

  const procfs::Tree& procfs_;
  const procfs::Tree& sysfs_;
  const std::function<Result<OptionalBytes>(const procfs::Tree&)> page_size_;
};

}  // namespace

std::unique_ptr<Collector> make_swap_collector(const Trees& trees,
                                               const CollectorOptions& options) {
  return std::make_unique<SwapCollector>(trees, options);
}

}  // namespace memory_exporter
