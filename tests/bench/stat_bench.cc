// /proc/PID/stat: parse_stat() against sscanf, and what reading the file costs beside it.
#include "collectors/procfs/stat.h"

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "tests/bench/read_bench.h"
#include "tests/procfs/captures.h"

namespace memory_exporter::procfs {
namespace {

void parse(benchmark::State& state) {
  const auto text = capture("linux-6.18/stat");
  for (auto _ : state) {
    auto stat = parse_stat(text);
    benchmark::DoNotOptimize(stat);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(parse);

/// The same fields the usual way, from a text that ends in NUL.
void reference_sscanf(benchmark::State& state) {
  const auto text = capture("linux-6.18/stat");
  for (auto _ : state) {
    unsigned long long flags, minor, major, user, system, threads, start, size, code, stack;
    long long ppid;
    char letter;
    const char* rest = std::strrchr(text.c_str(), ')');
    const int fields = std::sscanf(rest + 1,
                                   " %c %lld %*d %*d %*d %*d %llu %llu %*u %llu %*u %llu %llu %*d "
                                   "%*d %*d %*d %llu %*d %llu %llu %*d %*u %llu %*u %llu",
                                   &letter, &ppid, &flags, &minor, &major, &user, &system, &threads,
                                   &start, &size, &code, &stack);
    if (fields != 12) state.SkipWithError("not read");
    benchmark::DoNotOptimize(stack);
  }
}
BENCHMARK(reference_sscanf);

void read(benchmark::State& state) {
  read_file(state, "self/stat");
}
BENCHMARK(read);

}  // namespace
}  // namespace memory_exporter::procfs

BENCHMARK_MAIN();
