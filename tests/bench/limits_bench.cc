// /proc/PID/limits: parse_limits(), and what reading the file costs.
#include "collectors/procfs/limits.h"

#include <benchmark/benchmark.h>

#include <string>

#include "tests/bench/read_bench.h"
#include "tests/procfs/captures.h"

namespace memory_exporter::procfs {
namespace {

void parse(benchmark::State& state) {
  const auto text = capture("linux-6.18/limits");
  for (auto _ : state) {
    auto limits = parse_limits(text);
    benchmark::DoNotOptimize(limits);
  }
}
BENCHMARK(parse);

void read(benchmark::State& state) {
  read_file(state, "self/limits");
}
BENCHMARK(read);

}  // namespace
}  // namespace memory_exporter::procfs

BENCHMARK_MAIN();
