// /proc/PID/cgroup: memory_cgroup() on a v1 and a v2 machine, and what reading the file costs.
#include "collectors/procfs/cgroup.h"

#include <benchmark/benchmark.h>

#include <string>

#include "tests/bench/read_bench.h"
#include "tests/procfs/captures.h"

namespace memory_exporter::procfs {
namespace {

void parse(benchmark::State& state, const std::string& text) {
  for (auto _ : state) {
    auto path = memory_cgroup(text);
    benchmark::DoNotOptimize(path);
  }
}
BENCHMARK_CAPTURE(parse, v1, capture("linux-6.18/cgroup"));
BENCHMARK_CAPTURE(parse, v2, "0::/user.slice/user-1000.slice/session-3.scope\n");

void read(benchmark::State& state) {
  read_file(state, "self/cgroup");
}
BENCHMARK(read);

}  // namespace
}  // namespace memory_exporter::procfs

BENCHMARK_MAIN();
