// What must hold for every exposition, over families made at random.
#include <gtest/gtest.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <sstream>
#include <string>
#include <vector>

#include "daemon/exposition/encoder.h"
#include "tests/exposition/random_families.h"
#include "tests/exposition/round_trip.h"

namespace memory_exporter::exposition {
namespace {

using testing::OwnedFamily;
using testing::RandomFamilies;

constexpr std::uint64_t runs = 2000;

std::string serialize(const std::vector<OwnedFamily>& families) {
  std::vector<prometheus::MetricFamily> theirs;
  for (const auto& family : families) {
    if (family.samples.empty()) continue;  // it would write HELP and TYPE of nothing
    auto& metrics = theirs.emplace_back();
    metrics.name = family.name;
    metrics.help = family.help;
    const bool counter = family.type == MetricType::counter;
    metrics.type = counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
    for (const auto& sample : family.samples) {
      auto& metric = metrics.metric.emplace_back();
      for (const auto& [name, value] : sample.labels) metric.label.push_back({name, value});
      (counter ? metric.counter.value : metric.gauge.value) = testing::as_double(sample.value);
    }
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, theirs);
  return out.str();
}

TEST(EncoderProperty, TextEqualsTextSerializerByteForByteForIntegersAndPlainHelp) {
  for (std::uint64_t seed = 1; seed <= runs; ++seed) {
    RandomFamilies random(seed);
    const auto families =
        random.families([&] { return random.small_integer(); }, [&] { return random.text(); },
                        [&] { return random.plain(); });
    ASSERT_EQ(testing::encode(Format::text, families), serialize(families)) << "seed " << seed;
  }
}

void expect_round_trip(Format format) {
  for (std::uint64_t seed = 1; seed <= runs; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomFamilies random(seed);
    auto families = random.families([&] { return random.any_value(); },
                                    [&] { return random.bytes(); }, [&] { return random.bytes(); });
    for (auto& family : families) {
      if (family.type == MetricType::gauge) continue;
      for (auto& sample : family.samples) sample.value = Value(random.bits());
    }
    ASSERT_EQ(testing::round_trip_difference(format, families), "");
  }
}

TEST(EncoderProperty, TextReadsBackAsWhatWentIn) {
  expect_round_trip(Format::text);
}

TEST(EncoderProperty, OpenMetricsReadsBackAsWhatWentIn) {
  expect_round_trip(Format::open_metrics);
}

}  // namespace
}  // namespace memory_exporter::exposition
