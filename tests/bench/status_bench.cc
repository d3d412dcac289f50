// /proc/PID/status: parse_status() against a search for each key, and what reading the file costs.
#include "collectors/procfs/status.h"

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "tests/bench/read_bench.h"
#include "tests/procfs/captures.h"

namespace memory_exporter::procfs {
namespace {

void parse(benchmark::State& state) {
  const auto text = capture("linux-6.18/status");
  for (auto _ : state) {
    auto status = parse_status(text);
    benchmark::DoNotOptimize(status);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(parse);

/// One search of the text and one strtoull for each key.
void reference_find(benchmark::State& state) {
  const auto text = capture("linux-6.18/status");
  constexpr const char* keys[] = {
      "\nUid:",   "\nVmPeak:",  "\nVmSize:",  "\nVmLck:",    "\nVmPin:",  "\nVmHWM:",
      "\nVmRSS:", "\nRssAnon:", "\nRssFile:", "\nRssShmem:", "\nVmData:", "\nVmStk:",
      "\nVmExe:", "\nVmLib:",   "\nVmPTE:",   "\nVmSwap:",   "\nThreads:"};
  for (auto _ : state) {
    for (const auto* key : keys) {
      const auto at = text.find(key);
      if (at == std::string::npos) state.SkipWithError("not found");
      auto value = std::strtoull(text.c_str() + text.find(':', at) + 1, nullptr, 10);
      benchmark::DoNotOptimize(value);
    }
  }
}
BENCHMARK(reference_find);

void read(benchmark::State& state) {
  read_file(state, "self/status");
}
BENCHMARK(read);

}  // namespace
}  // namespace memory_exporter::procfs

BENCHMARK_MAIN();
