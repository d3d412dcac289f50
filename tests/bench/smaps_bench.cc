// /proc/PID/maps and smaps: the parsers against getline and sscanf, and what reading the files of
// a process with many mappings costs beside them.
#include "collectors/procfs/smaps.h"

#include <benchmark/benchmark.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>

#include "tests/bench/read_bench.h"
#include "tests/procfs/captures.h"

namespace memory_exporter::procfs {
namespace {

std::int64_t count_vmas(std::string_view maps) {
  std::int64_t vmas = 0;
  if (!for_each_vma(maps, [&](const Vma&) { ++vmas; })) std::abort();
  return vmas;
}

void parse_maps(benchmark::State& state) {
  const auto text = capture("linux-6.18/maps");
  std::uint64_t total = 0;
  for (auto _ : state) {
    const auto walked = for_each_vma(text, [&](const Vma& vma) { total += vma.size().value; });
    if (!walked) state.SkipWithError("malformed");
    benchmark::DoNotOptimize(total);
  }
  state.SetItemsProcessed(state.iterations() * count_vmas(text));
}
BENCHMARK(parse_maps);

void reference_maps_sscanf(benchmark::State& state) {
  const auto text = capture("linux-6.18/maps");
  for (auto _ : state) {
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line)) {
      unsigned long long start, end, offset, inode;
      unsigned int major, minor;
      char permissions[5];
      int path = 0;
      if (std::sscanf(line.c_str(), "%llx-%llx %4s %llx %x:%x %llu %n", &start, &end, permissions,
                      &offset, &major, &minor, &inode, &path) != 7) {
        state.SkipWithError("not read");
      }
      benchmark::DoNotOptimize(end);
    }
  }
  state.SetItemsProcessed(state.iterations() * count_vmas(text));
}
BENCHMARK(reference_maps_sscanf);

void parse_smaps(benchmark::State& state) {
  const auto text = capture("linux-6.18/smaps");
  Bytes total;
  for (auto _ : state) {
    const auto walked =
        for_each_smaps_entry(text, [&](const SmapsEntry& entry) { total += *entry.memory.pss; });
    if (!walked) state.SkipWithError("malformed");
    benchmark::DoNotOptimize(total);
  }
  state.SetItemsProcessed(state.iterations() * count_vmas(capture("linux-6.18/maps")));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(parse_smaps);

void reference_smaps_sscanf(benchmark::State& state) {
  const auto text = capture("linux-6.18/smaps");
  for (auto _ : state) {
    unsigned long long total = 0;
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line)) {
      char key[32];
      unsigned long long amount = 0;
      if (std::sscanf(line.c_str(), "%31[A-Za-z_]: %llu kB", key, &amount) == 2) total += amount;
    }
    benchmark::DoNotOptimize(total);
  }
  state.SetItemsProcessed(state.iterations() * count_vmas(capture("linux-6.18/maps")));
}
BENCHMARK(reference_smaps_sscanf);

/// Mappings of one page each that the kernel cannot merge, gone with the object.
class ManyMappings {
 public:
  explicit ManyMappings(std::size_t count) : size_(count * page()) {
    start_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (std::size_t i = 0; i < count; i += 2) {
      ::mprotect(static_cast<char*>(start_) + i * page(), page(), PROT_READ | PROT_WRITE);
    }
  }
  ~ManyMappings() { ::munmap(start_, size_); }
  ManyMappings(const ManyMappings&) = delete;
  ManyMappings& operator=(const ManyMappings&) = delete;

 private:
  static std::size_t page() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }
  std::size_t size_;
  void* start_;
};

/// This process's own files with `range(0)` mappings: read only, and read and parsed.
void read_smaps(benchmark::State& state) {
  const ManyMappings many(static_cast<std::size_t>(state.range(0)));
  const auto proc = Tree::open("/proc");
  Buffer buffer;
  for (auto _ : state) {
    const auto all = [](std::string_view text, bool) -> Result<std::size_t> { return text.size(); };
    if (!proc->read_in_pieces("self/smaps", buffer, all)) state.SkipWithError("not read");
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(read_smaps)->Arg(100)->Arg(60'000)->Unit(benchmark::kMicrosecond);

void read_and_parse_smaps(benchmark::State& state) {
  const ManyMappings many(static_cast<std::size_t>(state.range(0)));
  const auto proc = Tree::open("/proc");
  Buffer buffer;
  Bytes total;
  for (auto _ : state) {
    SmapsParser parser;
    const auto parse = [&](std::string_view text, bool last) {
      return parser.parse(text, last, [&](const SmapsEntry& e) { total += *e.memory.pss; });
    };
    if (!proc->read_in_pieces("self/smaps", buffer, parse)) state.SkipWithError("not read");
    benchmark::DoNotOptimize(total);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["buffer"] = static_cast<double>(buffer.capacity());
}
BENCHMARK(read_and_parse_smaps)->Arg(100)->Arg(60'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace memory_exporter::procfs

BENCHMARK_MAIN();
