#include "daemon/exposition/compress.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstddef>
#include <random>
#include <string>

namespace memory_exporter::exposition {
namespace {

/// What zlib, which shares no code with the compressor, makes of one gzip member; the test fails
/// where the member is damaged or something follows it.
std::string decompressed(std::string_view member) {
  std::string bytes(member);
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, MAX_WBITS + 16), Z_OK);  // 16: gzip, nothing else
  stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string text;
  int state = Z_OK;
  while (state == Z_OK) {
    std::string part(1 << 16, '\0');
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = static_cast<uInt>(part.size());
    state = inflate(&stream, Z_NO_FLUSH);
    text.append(part, 0, part.size() - stream.avail_out);
  }
  EXPECT_EQ(state, Z_STREAM_END);
  EXPECT_EQ(stream.avail_in, 0u);
  inflateEnd(&stream);
  return text;
}

std::string noise(std::size_t size) {
  std::mt19937 random(size);
  std::string bytes(size, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

TEST(GzipCompressor, WritesWhatOthersRead) {
  GzipCompressor gzip;
  for (const auto& text : {std::string(), std::string("x"), std::string("# EOF\n"),
                           std::string(1 << 20, 'a'), noise(1000), noise(200'000)}) {
    EXPECT_EQ(decompressed(gzip.compress(text)), text) << text.size() << " bytes";
  }
}

TEST(GzipCompressor, IsUsedAgainForLargerAndSmallerTexts) {
  GzipCompressor gzip;
  for (const std::size_t size : {10u, 300'000u, 5u, 400'000u, 0u}) {
    const auto text = noise(size);
    EXPECT_EQ(decompressed(gzip.compress(text)), text) << size << " bytes";
  }
}

TEST(GzipCompressor, ShrinksAnExpositionManifold) {
  std::string text;
  for (int group = 0; group < 2000; ++group) {
    text += "memory_group_resident_bytes{name=\"worker-" + std::to_string(group) +
            "\",cgroup=\"/system.slice/worker.service\",kind=\"anon\"} " +
            std::to_string(group * 4096) + "\n";
  }
  GzipCompressor gzip;
  EXPECT_LT(gzip.compress(text).size(), text.size() / 7);
}

}  // namespace
}  // namespace memory_exporter::exposition
