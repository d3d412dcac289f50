#include "collectors/sample_buffer.h"

#include <gtest/gtest.h>

#include "tests/collectors/text_sink.h"

namespace memory_exporter {
namespace {

TEST(SampleBuffer, WritesWhatWasWrittenInItsOrder) {
  const Family a{"a", MetricType::gauge, "a"}, b{"b", MetricType::gauge, "b"},
      c{"c", MetricType::gauge, "c"};
  const auto write = [&](MetricSink& sink) {
    sink.family(a);
    sink.sample(std::uint64_t{1});
    std::string passing = "x y";
    sink.sample({{"l", passing}, {"m", ""}}, -2);
    passing = "gone";
    sink.sample({{"l", "last"}}, 0.5);
    sink.family(b);
    sink.family(c);
    sink.sample({{"n", "1"}}, Bytes{7});
  };
  TextSink at_once, later;
  write(at_once);
  SampleBuffer buffer;
  EXPECT_FALSE(buffer.has_samples());
  write(buffer);
  EXPECT_TRUE(buffer.has_samples());
  buffer.replay(later);
  EXPECT_EQ(later.text(), at_once.text());
  EXPECT_EQ(later.text(), "a 1\na{l=\"x y\",m=\"\"} -2\na{l=\"last\"} 0.5\nc{n=\"1\"} 7\n");
}

}  // namespace
}  // namespace memory_exporter
