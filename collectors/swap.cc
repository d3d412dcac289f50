#include <array>
#include <vector>

#include "collectors/builtin.h"
#include "collectors/procfs/swaps.h"
#include "collectors/read_file.h"

namespace memory_exporter {
namespace {

using procfs::SwapDevice;

enum Index : std::size_t { size, used, priority, family_count };

constexpr std::array<Family, family_count> swap_families = {{
    {"memory_swap_device_size_bytes", MetricType::gauge,
     "Size of a swap partition, file or zram disk; /proc/swaps Size."},
    {"memory_swap_device_used_bytes", MetricType::gauge,
     "Swap space in use on a device; /proc/swaps Used."},
    {"memory_swap_device_priority", MetricType::gauge,
     "Priority of a swap device, the highest is filled first; /proc/swaps Priority."},
}};

/// A zram disk is a partition to the kernel, but its contents stay in RAM.
std::string_view kind_of(const SwapDevice& device) {
  return device.name.starts_with("/dev/zram") ? "zram" : device.kind;
}

/// Files deleted under the kernel's feet can share a name: one series may stand for several.
std::vector<SwapDevice> merge_same_names(std::vector<SwapDevice> devices) {
  std::vector<SwapDevice> merged;
  for (auto& device : devices) {
    bool known = false;
    for (auto& other : merged) {
      if (other.name != device.name || other.kind != device.kind) continue;
      other.size += device.size;
      other.used += device.used;
      known = true;
    }
    if (!known) merged.push_back(std::move(device));
  }
  return merged;
}

class SwapCollector final : public Collector {
 public:
  explicit SwapCollector(const procfs::Tree& procfs) : procfs_(procfs) {}

  std::string_view name() const override { return "swap"; }
  std::span<const Family> families() const override { return swap_families; }

  Status collect(const process::Snapshot&, MetricSink& sink) const override {
    procfs::Buffer buffer;
    auto read = read_file(procfs_, "swaps", buffer, procfs::parse_swaps);
    if (!read) return read.error();
    if (!*read) return Done{};
    const auto devices = merge_same_names(std::move(**read));
    const auto write = [&](Index index, auto&& value_of) {
      sink.family(swap_families[index]);
      for (const auto& device : devices) {
        sink.sample({{"device", device.name}, {"kind", kind_of(device)}}, value_of(device));
      }
    };
    write(size, [](const SwapDevice& device) { return Value(device.size); });
    write(used, [](const SwapDevice& device) { return Value(device.used); });
    write(priority, [](const SwapDevice& device) { return Value(device.priority); });
    return Done{};
  }

 private:
  const procfs::Tree& procfs_;
};

}  // namespace

std::unique_ptr<Collector> make_swap_collector(const Trees& trees, const CollectorOptions&) {
  return std::make_unique<SwapCollector>(trees.procfs);
}

}  // namespace memory_exporter
