#include "config/duration.h"

#include <gtest/gtest.h>

namespace memory_exporter::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(ParseDuration, ReadsWhatPrometheusWrites) {
  EXPECT_EQ(parse_duration("500ms"), milliseconds(500));
  EXPECT_EQ(parse_duration("60s"), seconds(60));
  EXPECT_EQ(parse_duration("1m30s"), seconds(90));
  EXPECT_EQ(parse_duration("2h"), hours(2));
  EXPECT_EQ(parse_duration("1d"), hours(24));
  EXPECT_EQ(parse_duration("1w2d3h4m5s6ms"),
            hours(24 * 9 + 3) + seconds(4 * 60 + 5) + milliseconds(6));
  EXPECT_EQ(parse_duration("0"), nanoseconds(0));
  EXPECT_EQ(parse_duration("0s"), nanoseconds(0));
  EXPECT_EQ(parse_duration("1h5ms"), hours(1) + milliseconds(5));
}

TEST(ParseDuration, RefusesWhatPrometheusRefuses) {
  for (const auto* text :
       {"",    " ",  "5",  "s",  "ms",   "1.5s", "-1s",   "+1s",    "1 s",  " 1s", "1s ",  "1us",
        "1ns", "1y", "1S", "s1", "1s1m", "1s1s", "1ms1s", "1m 30s", "0x1s", "00",  "1s\n", "1ss"}) {
    EXPECT_EQ(parse_duration(text), std::nullopt) << '"' << text << '"';
  }
}

TEST(ParseDuration, RefusesWhatDoesNotFitIntoNanoseconds) {
  EXPECT_TRUE(parse_duration("9223372036854ms"));
  EXPECT_FALSE(parse_duration("9223372036855ms"));
  EXPECT_FALSE(parse_duration("15250w2d"));
  EXPECT_FALSE(parse_duration("99999999999999999999s"));
  EXPECT_FALSE(parse_duration("9223372036854775807w"));
}

TEST(DurationText, IsShortAndReadsBackAsTheSame) {
  EXPECT_EQ(duration_text(milliseconds(500)), "500ms");
  EXPECT_EQ(duration_text(seconds(10)), "10s");
  EXPECT_EQ(duration_text(seconds(60)), "1m");
  EXPECT_EQ(duration_text(seconds(90)), "1m30s");
  EXPECT_EQ(duration_text(hours(36)), "36h");
  EXPECT_EQ(duration_text(hours(48)), "2d");
  EXPECT_EQ(duration_text(hours(24 * 7)), "1w");
  EXPECT_EQ(duration_text(nanoseconds(0)), "0s");
  for (std::int64_t n = 1; n < 40'000'000'000; n = n * 7 + 3) {
    EXPECT_EQ(parse_duration(duration_text(milliseconds(n))), milliseconds(n)) << n;
  }
}

TEST(ParseRatio, ReadsSharesAndPercentages) {
  EXPECT_EQ(parse_ratio("0.05"), 0.05);
  EXPECT_EQ(parse_ratio("5%"), 0.05);
  EXPECT_EQ(parse_ratio("0.1%"), 0.001);
  EXPECT_EQ(parse_ratio("1"), 1.0);
  EXPECT_EQ(parse_ratio("1e-3"), 0.001);
  EXPECT_EQ(parse_ratio("0"), 0.0);
}

TEST(ParseRatio, RefusesWhatIsNone) {
  for (const auto* text : {"", "%", "-1", "+1", "inf", "nan", "1e999", "0.05x", "5 %", " 5%", "5%%",
                           "0,05", ".5", "five"}) {
    EXPECT_EQ(parse_ratio(text), std::nullopt) << '"' << text << '"';
  }
}

TEST(DurationSetting, HasABoundThatItsErrorNames) {
  EXPECT_EQ(*duration_setting("365d"), hours(24 * 365));
  EXPECT_EQ(*duration_setting("0"), nanoseconds(0));
  EXPECT_EQ(duration_setting("8760h1ms").error().what, "\"8760h1ms\" is too long: at most 365d");
  EXPECT_EQ(duration_setting("9223372036s").error().what,
            "\"9223372036s\" is too long: at most 365d");
  EXPECT_EQ(duration_setting("soon").error().what,
            "\"soon\" is not a duration: write it as 500ms, 60s or 1m30s");
  EXPECT_EQ(positive_duration_setting("0s").error().what, "must be longer than 0");
  EXPECT_EQ(*positive_duration_setting("1ms"), milliseconds(1));
}

TEST(RatioSetting, HasBoundsThatItsErrorNames) {
  EXPECT_EQ(*ratio_setting("1"), 1.0);
  EXPECT_EQ(*ratio_setting("0.000001"), smallest_ratio);
  for (const auto* text : {"0", "1e-300", "0.0000009", "1.0001", "101%"}) {
    EXPECT_EQ(ratio_setting(text).error().what,
              '"' + std::string(text) + "\" is out of range: from 0.000001 (0.0001%) to 1 (100%)");
  }
}

}  // namespace
}  // namespace memory_exporter::config
