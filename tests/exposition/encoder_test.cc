#include "daemon/exposition/encoder.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

namespace memory_exporter::exposition {
namespace {

constexpr Family resident{"memory_group_resident_bytes", MetricType::gauge, "Resident memory."};
constexpr Family faults{"memory_group_page_faults_total", MetricType::counter, "Page faults."};
constexpr Family stalled{"memory_pressure_stalled_seconds_total", MetricType::counter, "PSI."};

template <typename Write>
std::string encode(Format format, Write&& write) {
  std::string out;
  Encoder encoder(format, out);
  write(encoder);
  encoder.finish();
  return out;
}

/// What stands between the quotes of a label with this value.
std::string encoded_label(std::string_view value) {
  const auto out = encode(Format::text, [&](Encoder& encoder) {
    encoder.family({"m", MetricType::gauge, "h"});
    encoder.sample({{"l", value}}, 1u);
  });
  const std::string_view before = "# HELP m h\n# TYPE m gauge\nm{l=\"";
  const std::string_view after = "\"} 1\n";
  EXPECT_TRUE(out.starts_with(before) && out.ends_with(after)) << out;
  return out.substr(before.size(), out.size() - before.size() - after.size());
}

std::string encoded_value(Value value) {
  const auto out = encode(Format::text, [&](Encoder& encoder) {
    encoder.family({"m", MetricType::gauge, "h"});
    encoder.sample(value);
  });
  const std::string_view before = "# HELP m h\n# TYPE m gauge\nm ";
  EXPECT_TRUE(out.starts_with(before) && out.ends_with('\n')) << out;
  return out.substr(before.size(), out.size() - before.size() - 1);
}

TEST(TextEncoder, WritesFamiliesWithTheirSamples) {
  EXPECT_EQ(encode(Format::text,
                   [](Encoder& encoder) {
                     encoder.family(resident);
                     encoder.sample({{"name", "sshd"}, {"kind", "anon"}}, Bytes{4096});
                     encoder.sample({{"name", "sshd"}, {"kind", "file"}}, Bytes{0});
                     encoder.family(faults);
                     encoder.sample(7u);
                   }),
            "# HELP memory_group_resident_bytes Resident memory.\n"
            "# TYPE memory_group_resident_bytes gauge\n"
            "memory_group_resident_bytes{name=\"sshd\",kind=\"anon\"} 4096\n"
            "memory_group_resident_bytes{name=\"sshd\",kind=\"file\"} 0\n"
            "# HELP memory_group_page_faults_total Page faults.\n"
            "# TYPE memory_group_page_faults_total counter\n"
            "memory_group_page_faults_total 7\n");
}

TEST(OpenMetricsEncoder, WritesUnitsTotalsAndTheEnd) {
  EXPECT_EQ(encode(Format::open_metrics,
                   [](Encoder& encoder) {
                     encoder.family(resident);
                     encoder.sample({{"name", "sshd"}}, Bytes{4096});
                     encoder.family(faults);
                     encoder.sample(7u);
                     encoder.family(stalled);
                     encoder.sample(0.25);
                   }),
            "# HELP memory_group_resident_bytes Resident memory.\n"
            "# TYPE memory_group_resident_bytes gauge\n"
            "# UNIT memory_group_resident_bytes bytes\n"
            "memory_group_resident_bytes{name=\"sshd\"} 4096\n"
            "# HELP memory_group_page_faults Page faults.\n"
            "# TYPE memory_group_page_faults counter\n"
            "memory_group_page_faults_total 7\n"
            "# HELP memory_pressure_stalled_seconds PSI.\n"
            "# TYPE memory_pressure_stalled_seconds counter\n"
            "# UNIT memory_pressure_stalled_seconds seconds\n"
            "memory_pressure_stalled_seconds_total 0.25\n"
            "# EOF\n");
}

TEST(OpenMetricsEncoder, GivesEveryCounterSampleTheTotalItMustHave) {
  EXPECT_EQ(encode(Format::open_metrics,
                   [](Encoder& encoder) {
                     encoder.family({"reads", MetricType::counter, "Reads."});
                     encoder.sample(1u);
                   }),
            "# HELP reads Reads.\n# TYPE reads counter\nreads_total 1\n# EOF\n");
}

TEST(Encoder, LeavesNoTraceOfAFamilyWithoutSamples) {
  for (const auto format : {Format::text, Format::open_metrics}) {
    const auto with = encode(format, [](Encoder& encoder) {
      encoder.family(stalled);
      encoder.family(resident);
      encoder.sample(1u);
      encoder.family(faults);
    });
    const auto without = encode(format, [](Encoder& encoder) {
      encoder.family(resident);
      encoder.sample(1u);
    });
    EXPECT_EQ(with, without);
  }
}

TEST(Encoder, WritesAnEmptyExpositionWhereThereIsNothing) {
  EXPECT_EQ(encode(Format::text, [](Encoder&) {}), "");
  EXPECT_EQ(encode(Format::open_metrics, [](Encoder&) {}), "# EOF\n");
}

TEST(Encoder, AppendsBehindWhatTheBufferHolds) {
  std::string out = "# kept\n";
  Encoder encoder(Format::text, out);
  encoder.family(stalled);
  encoder.finish();
  EXPECT_EQ(out, "# kept\n");
}

TEST(Encoder, EscapesLabelValues) {
  EXPECT_EQ(encoded_label("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
  EXPECT_EQ(encoded_label("\n"), "\\n");
  EXPECT_EQ(encoded_label("\\n"), "\\\\n");
  EXPECT_EQ(encoded_label(""), "");
  EXPECT_EQ(encoded_label("{},= #\t"), "{},= #\t");
}

TEST(Encoder, RepairsLabelValuesThatAreNoUtf8) {
  EXPECT_EQ(encoded_label("ok \xC3\xA9 \xF0\x9F\x90\xA7"), "ok \xC3\xA9 \xF0\x9F\x90\xA7");
  EXPECT_EQ(encoded_label("a\xFF\"b"), "a\xEF\xBF\xBD\\\"b");
  EXPECT_EQ(encoded_label("\xE2\x82\"\\"), "\xEF\xBF\xBD\\\"\\\\");
}

TEST(Encoder, EscapesHelpAsEachFormatAsks) {
  const auto write = [](Encoder& encoder) {
    encoder.family({"m", MetricType::gauge, "a \\ b\nc \"d\" \xFF"});
    encoder.sample(1u);
  };
  EXPECT_EQ(encode(Format::text, write),
            "# HELP m a \\\\ b\\nc \"d\" \xEF\xBF\xBD\n# TYPE m gauge\nm 1\n");
  EXPECT_EQ(encode(Format::open_metrics, write),
            "# HELP m a \\\\ b\\nc \\\"d\\\" \xEF\xBF\xBD\n# TYPE m gauge\nm 1\n# EOF\n");
}

TEST(Encoder, WritesIntegersExactly) {
  EXPECT_EQ(encoded_value(0u), "0");
  EXPECT_EQ(encoded_value(-1), "-1");
  EXPECT_EQ(encoded_value((std::uint64_t{1} << 53) + 1), "9007199254740993");
  EXPECT_EQ(encoded_value(UINT64_MAX), "18446744073709551615");
  EXPECT_EQ(encoded_value(INT64_MIN), "-9223372036854775808");
  EXPECT_EQ(encoded_value(Bytes{UINT64_MAX}), "18446744073709551615");
}

TEST(Encoder, WritesDoublesShortestAndWholeOnesWithoutExponent) {
  EXPECT_EQ(encoded_value(0.1), "0.1");
  EXPECT_EQ(encoded_value(0.5), "0.5");
  EXPECT_EQ(encoded_value(1.0 / 3), "0.3333333333333333");
  EXPECT_EQ(encoded_value(1e5), "100000");
  EXPECT_EQ(encoded_value(-9999999999999998.0), "-9999999999999998");
  EXPECT_EQ(encoded_value(1e16), "1e+16");
  EXPECT_EQ(encoded_value(-0.0), "-0");
  EXPECT_EQ(encoded_value(std::numeric_limits<double>::max()), "1.7976931348623157e+308");
  EXPECT_EQ(encoded_value(-std::numeric_limits<double>::denorm_min()), "-5e-324");
}

TEST(Encoder, SpellsWhatIsNoNumberAsTheFormatsDo) {
  EXPECT_EQ(encoded_value(std::nan("")), "NaN");
  EXPECT_EQ(encoded_value(-std::nan("")), "NaN");
  EXPECT_EQ(encoded_value(std::numeric_limits<double>::infinity()), "+Inf");
  EXPECT_EQ(encoded_value(-std::numeric_limits<double>::infinity()), "-Inf");
}

#ifndef NDEBUG
TEST(EncoderDeathTest, RefusesAFamilyTwice) {
  std::string out;
  Encoder encoder(Format::text, out);
  encoder.family(resident);
  encoder.family(faults);
  EXPECT_DEATH(encoder.family(resident), "written twice");
}
#endif

}  // namespace
}  // namespace memory_exporter::exposition
