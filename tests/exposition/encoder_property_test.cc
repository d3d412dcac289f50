// What must hold for every exposition, over families made at random.
#include <gtest/gtest.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <cmath>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "collectors/process/label.h"
#include "daemon/exposition/encoder.h"
#include "tests/exposition/random_families.h"
#include "tests/exposition/strict_parser.h"

namespace memory_exporter::exposition {
namespace {

using testing::OwnedFamily;
using testing::ParsedFamily;
using testing::RandomFamilies;

constexpr std::uint64_t runs = 2000;

std::string encode(Format format, const std::vector<OwnedFamily>& families) {
  std::string out;
  Encoder encoder(format, out);
  write(families, encoder);
  encoder.finish();
  return out;
}

double as_double(const Value& value) {
  return std::visit([](auto number) { return static_cast<double>(number); }, value.content());
}

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
      (counter ? metric.counter.value : metric.gauge.value) = as_double(sample.value);
    }
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, theirs);
  return out.str();
}

std::string repaired(const std::string& bytes) {
  std::string out;
  process::append_valid_utf8(out, bytes);
  return out;
}

TEST(EncoderProperty, TextEqualsTextSerializerByteForByteForIntegersAndPlainHelp) {
  for (std::uint64_t seed = 1; seed <= runs; ++seed) {
    RandomFamilies random(seed);
    const auto families =
        random.families([&] { return random.small_integer(); }, [&] { return random.text(); },
                        [&] { return random.plain(); });
    ASSERT_EQ(encode(Format::text, families), serialize(families)) << "seed " << seed;
  }
}

/// The value that was written is the value that was read, and an integer is so to the last digit.
void expect_same_value(const Value& written, const testing::ParsedSample& read) {
  if (const auto* natural = std::get_if<std::uint64_t>(&written.content())) {
    EXPECT_EQ(read.value_text, std::to_string(*natural));
  } else if (const auto* integer = std::get_if<std::int64_t>(&written.content())) {
    EXPECT_EQ(read.value_text, std::to_string(*integer));
  } else {
    const auto number = as_double(written);
    EXPECT_TRUE(read.value == number || (std::isnan(read.value) && std::isnan(number)))
        << read.value_text << " for " << number;
    EXPECT_EQ(std::signbit(read.value), std::signbit(number) && !std::isnan(number));
  }
}

void expect_same_family(const OwnedFamily& written, const ParsedFamily& read, Format format) {
  const bool open_metrics = format == Format::open_metrics;
  const bool counter = written.type == MetricType::counter;
  auto name = written.name;
  if (open_metrics && counter) name.resize(name.size() - std::string_view("_total").size());
  EXPECT_EQ(read.name, name);
  EXPECT_EQ(read.type, counter ? "counter" : "gauge");
  EXPECT_EQ(read.help, repaired(written.help));
  if (open_metrics) {
    const Family family{written.name, written.type, written.help};
    EXPECT_EQ(read.unit, family.unit());
  }
  ASSERT_EQ(read.samples.size(), written.samples.size());
  for (std::size_t i = 0; i < read.samples.size(); ++i) {
    EXPECT_EQ(read.samples[i].name, written.name);
    auto labels = written.samples[i].labels;
    for (auto& [label_name, value] : labels) value = repaired(value);
    EXPECT_EQ(read.samples[i].labels, labels);
    expect_same_value(written.samples[i].value, read.samples[i]);
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
    const auto encoded = encode(format, families);
    const auto parsed = format == Format::text ? testing::parse_text(encoded)
                                               : testing::parse_open_metrics(encoded);
    ASSERT_TRUE(parsed) << parsed.error().message() << "\n" << encoded;
    std::erase_if(families, [](const OwnedFamily& family) { return family.samples.empty(); });
    ASSERT_EQ(parsed->size(), families.size());
    for (std::size_t i = 0; i < families.size(); ++i) {
      expect_same_family(families[i], (*parsed)[i], format);
    }
    if (::testing::Test::HasFailure()) return;
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
