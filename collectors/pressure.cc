#include "collectors/procfs/pressure.h"

#include <array>

#include "collectors/builtin.h"
#include "collectors/read_file.h"

namespace memory_exporter {
namespace {

constexpr std::array<Family, 2> pressure_families = {{
    {"memory_pressure_waiting_seconds_total", MetricType::counter,
     "Time in which at least one task waited for memory; /proc/pressure/memory some total."},
    {"memory_pressure_stalled_seconds_total", MetricType::counter,
     "Time in which no task could work for lack of memory; /proc/pressure/memory full total."},
}};

class PressureCollector final : public Collector {
 public:
  explicit PressureCollector(const procfs::Tree& procfs) : procfs_(procfs) {}

  std::string_view name() const override { return "pressure"; }
  std::span<const Family> families() const override { return pressure_families; }

  void collect(Collection& collection) const override {
    procfs::Buffer buffer;
    const auto pressure = read_file(procfs_, FileName::labelled("pressure/memory", "pressure"),
                                    buffer, collection.errors, procfs::parse_pressure);
    if (!pressure) return;
    const auto write = [&](const Family& family,
                           const std::optional<std::chrono::microseconds>& total) {
      collection.sink.family(family);
      if (total) collection.sink.sample(std::chrono::duration<double>(*total).count());
    };
    write(pressure_families[0], pressure->some);
    write(pressure_families[1], pressure->full);
  }

 private:
  const procfs::Tree& procfs_;
};

}  // namespace

std::unique_ptr<Collector> make_pressure_collector(const Trees& trees, const CollectorOptions&) {
  return std::make_unique<PressureCollector>(trees.procfs);
}

}  // namespace memory_exporter
