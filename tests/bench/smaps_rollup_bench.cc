// /proc/PID/smaps_rollup: parse_smaps_rollup() against getline and sscanf, and what reading the
// file costs.
#include "collectors/procfs/smaps_rollup.h"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <map>
#include <sstream>
#include <string>

#include "tests/bench/read_bench.h"
#include "tests/procfs/captures.h"

namespace memory_exporter::procfs {
namespace {

void parse(benchmark::State& state) {
  const auto text = capture("linux-6.18/smaps_rollup");
  for (auto _ : state) {
    auto rollup = parse_smaps_rollup(text);
    benchmark::DoNotOptimize(rollup);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(parse);

/// A line at a time into a map, as scripts do.
void reference_getline(benchmark::State& state) {
  const auto text = capture("linux-6.18/smaps_rollup");
  for (auto _ : state) {
    std::map<std::string, unsigned long long> figures;
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line)) {
      char key[32];
      unsigned long long amount = 0;
      if (std::sscanf(line.c_str(), "%31[A-Za-z_]: %llu kB", key, &amount) == 2) {
        figures[key] = amount;
      }
    }
    benchmark::DoNotOptimize(figures);
  }
}
BENCHMARK(reference_getline);

void read(benchmark::State& state) {
  read_file(state, "self/smaps_rollup");
}
BENCHMARK(read);

}  // namespace
}  // namespace memory_exporter::procfs

BENCHMARK_MAIN();
