// zlib against libdeflate, level by level, over the exposition of 50,000 series.
#include <benchmark/benchmark.h>
#include <libdeflate.h>
#include <zlib.h>

#include <string>

#include "daemon/exposition/compress.h"
#include "daemon/exposition/encoder.h"
#include "tests/bench/group_series.h"

namespace memory_exporter::bench {
namespace {

std::string exposition_text() {
  std::string out;
  exposition::Encoder encoder(exposition::Format::text, out);
  GroupSeries().write(encoder);
  encoder.finish();
  return out;
}

void report(benchmark::State& state, const std::string& text, std::size_t compressed) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
  state.counters["text"] = static_cast<double>(text.size());
  state.counters["gzip"] = static_cast<double>(compressed);
}

void as_the_daemon_does(benchmark::State& state) {
  const auto text = exposition_text();
  exposition::GzipCompressor gzip;
  std::size_t size = 0;
  for (auto _ : state) size = gzip.compress(text).size();
  report(state, text, size);
}
BENCHMARK(as_the_daemon_does)->Unit(benchmark::kMillisecond);

void libdeflate(benchmark::State& state) {
  const auto text = exposition_text();
  auto* compressor = libdeflate_alloc_compressor(static_cast<int>(state.range(0)));
  std::string out(libdeflate_gzip_compress_bound(compressor, text.size()), '\0');
  std::size_t size = 0;
  for (auto _ : state) {
    size = libdeflate_gzip_compress(compressor, text.data(), text.size(), out.data(), out.size());
  }
  libdeflate_free_compressor(compressor);
  report(state, text, size);
}
BENCHMARK(libdeflate)->DenseRange(1, 6)->Unit(benchmark::kMillisecond);

void zlib(benchmark::State& state) {
  auto text = exposition_text();
  z_stream stream{};
  deflateInit2(&stream, static_cast<int>(state.range(0)), Z_DEFLATED, MAX_WBITS + 16, 8,
               Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  for (auto _ : state) {
    deflateReset(&stream);
    stream.next_in = reinterpret_cast<Bytef*>(text.data());
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    if (deflate(&stream, Z_FINISH) != Z_STREAM_END) state.SkipWithError("deflate");
  }
  report(state, text, stream.total_out);
  deflateEnd(&stream);
}
BENCHMARK(zlib)->DenseRange(1, 6)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace memory_exporter::bench

BENCHMARK_MAIN();
