// The encoder against prometheus-cpp's TextSerializer over the same 50,000 series, and every
// allocation that either makes.
#include <benchmark/benchmark.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "daemon/exposition/encoder.h"
#include "tests/bench/allocations.h"
#include "tests/bench/group_series.h"

namespace memory_exporter::bench {
namespace {

/// Sets the counters of one benchmark from what its iterations did.
class Meter {
 public:
  explicit Meter(benchmark::State& state) : state_(state) {}
  ~Meter() {
    using benchmark::Counter;
    const auto after = allocations();
    const auto count = static_cast<double>(after.count - before_.count);
    const auto bytes = static_cast<double>(after.bytes - before_.bytes);
    state_.counters["allocations"] = Counter(count, Counter::kAvgIterations);
    state_.counters["allocated"] = Counter(bytes, Counter::kAvgIterations, Counter::kIs1024);
    state_.SetItemsProcessed(state_.iterations() * static_cast<std::int64_t>(GroupSeries::series));
  }

 private:
  benchmark::State& state_;
  Allocations before_ = allocations();
};

void encode(benchmark::State& state, exposition::Format format) {
  const GroupSeries series;
  std::string out;
  const auto write = [&] {
    out.clear();
    exposition::Encoder encoder(format, out);
    series.write(encoder);
    encoder.finish();
    benchmark::DoNotOptimize(out.data());
  };
  write();  // the buffer is kept from the scrape before
  Meter meter(state);
  for (auto _ : state) write();
}
BENCHMARK_CAPTURE(encode, text, exposition::Format::text)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(encode, open_metrics, exposition::Format::open_metrics)
    ->Unit(benchmark::kMillisecond);

void encode_into_a_new_buffer(benchmark::State& state) {
  const GroupSeries series;
  Meter meter(state);
  for (auto _ : state) {
    std::string out;
    exposition::Encoder encoder(exposition::Format::text, out);
    series.write(encoder);
    encoder.finish();
    benchmark::DoNotOptimize(out.data());
  }
}
BENCHMARK(encode_into_a_new_buffer)->Unit(benchmark::kMillisecond);

/// Only the writing; filling the families with strings first is not counted.
void text_serializer(benchmark::State& state) {
  const GroupSeries series;
  std::vector<prometheus::MetricFamily> families;
  auto value = series.values.begin();
  for (const auto& name : series.family_names) {
    auto& family = families.emplace_back();
    family.name = name;
    family.help = GroupSeries::help;
    family.type = prometheus::MetricType::Gauge;
    for (std::size_t i = 0; i < GroupSeries::groups; ++i) {
      auto& metric = family.metric.emplace_back();
      metric.label = {{"name", series.names[i]}, {"cgroup", series.cgroups[i]}};
      metric.gauge.value = static_cast<double>(*value++);
    }
  }
  Meter meter(state);
  for (auto _ : state) {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families);
    const auto text = out.str();
    benchmark::DoNotOptimize(text.data());
  }
}
BENCHMARK(text_serializer)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace memory_exporter::bench

BENCHMARK_MAIN();
