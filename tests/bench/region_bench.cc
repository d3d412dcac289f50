// A pass over the mappings of every process that can be read: reading smaps only, against reading,
// parsing, classifying and adding up. And classification alone.
#include "collectors/process/sampling/region.h"

#include <benchmark/benchmark.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "collectors/procfs/reader.h"
#include "tests/procfs/captures.h"

namespace memory_exporter::process {
namespace {

/// The processes whose smaps this one may read, itself left out.
std::vector<std::string> readable(const procfs::Tree& proc) {
  std::vector<procfs::ListedProcess> processes;
  std::vector<std::string> paths;
  procfs::Buffer buffer;
  if (!proc.list_processes(processes)) return paths;
  for (const auto [pid, inode] : processes) {
    auto path = std::to_string(pid) + "/smaps";
    const auto text = proc.read(path.c_str(), buffer);
    if (pid != ::getpid() && text && !text->empty()) paths.push_back(std::move(path));
  }
  return paths;
}

void read_every_smaps(benchmark::State& state) {
  const auto proc = procfs::Tree::open("/proc");
  const auto paths = readable(*proc);
  procfs::Buffer buffer;
  const auto all = [](std::string_view text, bool) -> Result<std::size_t> { return text.size(); };
  for (auto _ : state) {
    for (const auto& path : paths) {
      benchmark::DoNotOptimize(proc->read_in_pieces(path.c_str(), buffer, all).ok());
    }
  }
  state.counters["processes"] = static_cast<double>(paths.size());
}
BENCHMARK(read_every_smaps)->Unit(benchmark::kMillisecond);

void regions_of_every_process(benchmark::State& state) {
  const auto proc = procfs::Tree::open("/proc");
  const auto paths = readable(*proc);
  procfs::Buffer buffer;
  for (auto _ : state) {
    MappingTotals totals;
    for (const auto& path : paths) {
      RegionClassifier classifier({.executable = "/usr/bin/program", .stacks_are_marked = true});
      procfs::SmapsParser parser;
      const auto parse = [&](std::string_view text, bool last) {
        return parser.parse(text, last, [&](const procfs::SmapsEntry& entry) {
          totals.add(entry, classifier.next(entry));
        });
      };
      benchmark::DoNotOptimize(proc->read_in_pieces(path.c_str(), buffer, parse).ok());
    }
    benchmark::DoNotOptimize(totals);
  }
  state.counters["processes"] = static_cast<double>(paths.size());
}
BENCHMARK(regions_of_every_process)->Unit(benchmark::kMillisecond);

void parse_and_classify(benchmark::State& state) {
  const auto text = procfs::capture("linux-6.18/smaps");
  std::int64_t mappings = 0;
  for (auto _ : state) {
    MappingTotals totals;
    RegionClassifier classifier({.executable = "/usr/local/bin/odd", .stacks_are_marked = true});
    const auto walked = procfs::for_each_smaps_entry(text, [&](const procfs::SmapsEntry& entry) {
      totals.add(entry, classifier.next(entry));
      ++mappings;
    });
    if (!walked) state.SkipWithError("malformed");
    benchmark::DoNotOptimize(totals);
  }
  state.SetItemsProcessed(mappings);
}
BENCHMARK(parse_and_classify);

}  // namespace
}  // namespace memory_exporter::process

BENCHMARK_MAIN();
