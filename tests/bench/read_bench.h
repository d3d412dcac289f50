#pragma once

#include <benchmark/benchmark.h>

#include "collectors/procfs/reader.h"

namespace memory_exporter::procfs {

/// Reads a file of this machine's /proc over and over: what the kernel charges for the text that a
/// parser then takes apart.
inline void read_file(benchmark::State& state, const char* path) {
  const auto proc = Tree::open("/proc");
  Buffer buffer;
  for (auto _ : state) {
    const auto text = proc->read(path, buffer);
    if (!text) {
      state.SkipWithError(text.error().message().c_str());
      break;
    }
    benchmark::DoNotOptimize(text->data());
  }
}

}  // namespace memory_exporter::procfs
