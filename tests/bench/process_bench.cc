// What a collection costs beside the walks: the refresh of the process table over this machine's
// /proc and over a tree of idle processes, the choice of walks where none is needed, and the
// grouping.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>
#include <unordered_map>

#include "collectors/process/grouping/grouping.h"
#include "collectors/process/sampling/policy.h"
#include "collectors/process/table/process_table.h"
#include "tests/process/fake_process.h"

namespace memory_exporter::process {
namespace {

using std::chrono::seconds;

constexpr Clock::time_point now{std::chrono::hours(1)};

/// Each on memory of its own.
MemoryOrder not_shared(pid_t a, pid_t b) {
  if (a == b) return MemoryOrder::same;
  return a < b ? MemoryOrder::before : MemoryOrder::after;
}

void count_processes(benchmark::State& state, std::size_t processes) {
  state.counters["processes"] = static_cast<double>(processes);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(processes));
}

/// The real thing, of whatever runs here.
void refresh_proc(benchmark::State& state) {
  const auto proc = procfs::Tree::open("/proc");
  ProcessTable table(*proc, {false, seconds(60), compare_memory_by_kcmp});
  for (auto _ : state) {
    if (!table.refresh(Clock::now())) state.SkipWithError("not listed");
  }
  count_processes(state, table.processes().size());
}
BENCHMARK(refresh_proc)->Unit(benchmark::kMicrosecond);

/// A disk's files are cheaper to read than the kernel's: this is nearer to the table's own part.
void refresh_idle(benchmark::State& state) {
  constexpr int count = 200;
  const memory_exporter::testing::TempTree files;
  for (int i = 1; i <= count; ++i) FakeProcess{.pid = i, .ppid = 0, .switches = 7}.write(files);
  const auto tree = files.open();
  ProcessTable table(tree, {false, seconds(60), not_shared});
  for (auto _ : state) {
    if (!table.refresh(now)) state.SkipWithError("not listed");
  }
  count_processes(state, table.processes().size());
}
BENCHMARK(refresh_idle)->Unit(benchmark::kMicrosecond)->Iterations(100);

/// 2,000 sampled processes, in one of `groups` groups each.
std::unordered_map<pid_t, Process> sampled_processes(std::int64_t group_count) {
  const FakeProcess fake;
  std::unordered_map<pid_t, Process> processes;
  for (int i = 1; i <= 2000; ++i) {
    auto& process = processes[i];
    process.id = {i, 1000};
    process.image.comm = "app" + std::to_string(i % group_count);
    process.status = *procfs::parse_status(fake.status());
    auto& sample = process.readings.sample.emplace();
    sample.memory = *procfs::parse_smaps_rollup(fake.rollup());
    sample.began = now;
    sample.then.resident = process.resident();
  }
  return processes;
}

void choose_none(benchmark::State& state) {
  const auto processes = sampled_processes(50);
  for (auto _ : state) {
    const Settings settings;
    const Moment moment{settings, true, now, now};
    for (const Judge judge : {&judge_quick_walk, &judge_slow_walk}) {
      benchmark::DoNotOptimize(choose(processes, judge, moment, settings.pss_max_age, 0));
    }
  }
  count_processes(state, processes.size());
}
BENCHMARK(choose_none)->Unit(benchmark::kMicrosecond);

void group(benchmark::State& state) {
  auto processes = sampled_processes(state.range(0));
  Grouping grouping(default_group_by(), 2001);
  for (auto _ : state) {
    grouping.assign(processes, now);
    benchmark::DoNotOptimize(grouping.publish(processes, now));
  }
  count_processes(state, processes.size());
}
BENCHMARK(group)->Arg(1)->Arg(50)->Arg(2000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace memory_exporter::process

BENCHMARK_MAIN();
