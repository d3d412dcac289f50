// The parsers of the system's files, alone (the text in memory) and with the read of the real file.
#include <benchmark/benchmark.h>

#include "collectors/procfs/flat_keyed.h"
#include "collectors/procfs/meminfo.h"
#include "collectors/procfs/pressure.h"
#include "collectors/procfs/reader.h"
#include "collectors/procfs/single_value.h"
#include "collectors/procfs/swaps.h"
#include "tests/procfs/meminfo_captures.h"
#include "tests/procfs/vmstat_captures.h"

namespace {

using namespace memory_exporter;

template <typename Parse>
void parse_text(benchmark::State& state, std::string_view text, Parse parse) {
  for (auto _ : state) benchmark::DoNotOptimize(parse(text));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

void read_only(benchmark::State& state, const char* path) {
  const auto tree = procfs::Tree::open("/proc");
  procfs::Buffer buffer;
  for (auto _ : state) {
    const auto text = tree->read(path, buffer);
    if (!text) return state.SkipWithError(text.error().message().c_str());
    benchmark::DoNotOptimize(text->size());
  }
}

procfs::Skipped count_fields(std::string_view text) {
  std::uint64_t sum = 0;
  auto skipped =
      procfs::for_each_flat_keyed(text, [&](std::string_view, std::optional<std::uint64_t> value) {
        sum += value.value_or(0);
        return true;
      });
  benchmark::DoNotOptimize(sum);
  return skipped;
}

BENCHMARK_CAPTURE(parse_text, meminfo, testdata::meminfo_6_18, procfs::parse_meminfo);
BENCHMARK_CAPTURE(parse_text, vmstat, testdata::vmstat_6_18, count_fields);
BENCHMARK_CAPTURE(parse_text, swaps,
                  "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
                  "/dev/zram0                              partition\t8388604\t\t1028\t\t100\n"
                  "/swapfile                               file\t\t2097148\t\t524288\t\t-2\n",
                  procfs::parse_swaps);
BENCHMARK_CAPTURE(parse_text, pressure,
                  "some avg10=0.00 avg60=1.34 avg300=0.27 total=81722114\n"
                  "full avg10=0.00 avg60=1.20 avg300=0.25 total=75013377\n",
                  procfs::parse_pressure);
BENCHMARK_CAPTURE(parse_text, sysctl, "65530\n", procfs::parse_single_value);
BENCHMARK_CAPTURE(read_only, meminfo, "meminfo");
BENCHMARK_CAPTURE(read_only, vmstat, "vmstat");
BENCHMARK_CAPTURE(read_only, swaps, "swaps");
BENCHMARK_CAPTURE(read_only, pressure, "pressure/memory");
BENCHMARK_CAPTURE(read_only, sysctl, "sys/vm/max_map_count");
BENCHMARK_CAPTURE(read_only, zoneinfo, "zoneinfo");

}  // namespace

BENCHMARK_MAIN();
