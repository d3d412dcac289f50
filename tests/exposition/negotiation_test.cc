#include "daemon/exposition/negotiation.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace memory_exporter::exposition {
namespace {

constexpr std::string_view text = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view open_metrics =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";
constexpr std::string_view open_metrics_0_0_1 =
    "application/openmetrics-text; version=0.0.1; charset=utf-8";

std::string_view answer_to(std::string_view accept) {
  const auto answer = negotiate_format(accept);
  EXPECT_EQ(answer.format == Format::text, answer.content_type == text) << accept;
  return answer.content_type;
}

TEST(NegotiateFormat, AnswersScrapersAsTheyAsk) {
  // Prometheus 2.42, as captured.
  EXPECT_EQ(answer_to("application/openmetrics-text;version=1.0.0,"
                      "application/openmetrics-text;version=0.0.1;q=0.75,"
                      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            open_metrics);
  // The same with --enable-feature=native-histograms: protobuf would be liked best.
  EXPECT_EQ(answer_to("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
                      "encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,"
                      "application/openmetrics-text;version=0.0.1;q=0.75,"
                      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            open_metrics);
  // Prometheus 2.49 to 2.55.
  EXPECT_EQ(answer_to("application/openmetrics-text;version=1.0.0;q=0.5,"
                      "application/openmetrics-text;version=0.0.1;q=0.4,"
                      "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"),
            open_metrics);
  // Prometheus 3.
  EXPECT_EQ(answer_to("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                      "application/openmetrics-text;version=0.0.1;q=0.5,"
                      "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
                      "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"),
            open_metrics);
  // Prometheus 3 with scrape_protocols: [PrometheusText1.0.0, PrometheusText0.0.4].
  EXPECT_EQ(answer_to("text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,"
                      "text/plain;version=0.0.4;q=0.5,*/*;q=0.4"),
            text);
  // Prometheus 2.5 to 2.30.
  EXPECT_EQ(answer_to("application/openmetrics-text; version=0.0.1,"
                      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            open_metrics_0_0_1);
  // VictoriaMetrics and vmagent, and Prometheus before 2.5.
  EXPECT_EQ(answer_to("text/plain;version=0.0.4;q=1,*/*;q=0.1"), text);
}

TEST(NegotiateFormat, AnswersPeopleInText) {
  EXPECT_EQ(answer_to(""), text);
  EXPECT_EQ(answer_to("*/*"), text);  // curl
  EXPECT_EQ(answer_to("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,"
                      "image/webp,*/*;q=0.8"),
            text);  // Firefox
  EXPECT_EQ(answer_to("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
                      "image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7"),
            text);  // Chromium
}

TEST(NegotiateFormat, TakesTheHighestQuality) {
  EXPECT_EQ(answer_to("application/openmetrics-text;q=0.2,text/plain;q=0.3"), text);
  EXPECT_EQ(answer_to("application/openmetrics-text;q=0.3,text/plain;q=0.299"), open_metrics);
  EXPECT_EQ(answer_to("application/openmetrics-text;version=1.0.0;q=0.1,"
                      "application/openmetrics-text;version=0.0.1"),
            open_metrics_0_0_1);
}

TEST(NegotiateFormat, BreaksTiesByHowCloselyAFormatIsNamedThenByOrder) {
  EXPECT_EQ(answer_to("*/*,application/openmetrics-text"), open_metrics);
  EXPECT_EQ(answer_to("text/plain,application/openmetrics-text"), text);
  EXPECT_EQ(answer_to("application/openmetrics-text,text/plain"), open_metrics);
  EXPECT_EQ(answer_to("text/*,application/openmetrics-text"), open_metrics);
}

TEST(NegotiateFormat, RefusesWhatHasQualityZero) {
  EXPECT_EQ(answer_to("text/plain;q=0,*/*"), open_metrics);
  EXPECT_EQ(answer_to("text/*;q=0.0,*/*;q=0.1"), open_metrics);
  EXPECT_EQ(answer_to("application/openmetrics-text;q=0,*/*"), text);
  EXPECT_EQ(answer_to("application/openmetrics-text;version=1.0.0;q=0,"
                      "application/openmetrics-text;q=0.5"),
            text);
}

TEST(NegotiateFormat, UnderstandsAnyCaseQuotesAndBlanks) {
  EXPECT_EQ(answer_to("Application/OpenMetrics-Text ; Version=\"1.0.0\" ; Q=0.9 , text/plain;q=0"),
            open_metrics);
  EXPECT_EQ(answer_to("text/plain;note=\"a,b;q=0\\\",c\",application/openmetrics-text;q=0.5"),
            text);
}

TEST(NegotiateFormat, FallsBackToTextWhereNothingOfferedIsAcceptable) {
  EXPECT_EQ(answer_to("application/openmetrics-text;version=2.0.0"), text);
  EXPECT_EQ(answer_to("application/json"), text);
  EXPECT_EQ(answer_to("text/plain;q=0"), text);
  EXPECT_EQ(answer_to("*/*;q=0"), text);
}

TEST(NegotiateFormat, FallsBackToTextOnMalformedHeaders) {
  for (const auto* header : {",",
                             ";",
                             "=",
                             "/",
                             "*",
                             ";;;,,,",
                             "\"",
                             "text",
                             "q=1",
                             ";q=0.5",
                             "\t",
                             "application/openmetrics-text;q=",
                             "application/openmetrics-text;q=x",
                             "application/openmetrics-text;q=2",
                             "application/openmetrics-text;q=-1",
                             "application/openmetrics-text;q=1.001",
                             "application/openmetrics-text;q=.5",
                             "application/openmetrics-text;q=0,5",
                             "application/openmetrics-text;q=0.5.5",
                             "\"application/openmetrics-text"}) {
    EXPECT_EQ(answer_to(header), text) << header;
  }
}

TEST(NegotiateFormat, PassesOverAMalformedElementOnly) {
  EXPECT_EQ(answer_to("text/plain;q=high,,application/openmetrics-text;q=0.5"), open_metrics);
  EXPECT_EQ(answer_to("application/openmetrics-text;q=0.123456,text/plain;q=0.1"), open_metrics);
}

TEST(NegotiateFormat, TakesAHeaderOfAnyLength) {
  std::string header;
  for (int i = 0; i < 10000; ++i) header += "text/x" + std::to_string(i) + ";q=0.9,";
  EXPECT_EQ(answer_to(header + "application/openmetrics-text;q=0.1"), open_metrics);
}

TEST(AcceptsGzip, ForScrapersCurlAndBrowsers) {
  EXPECT_TRUE(accepts_gzip("gzip"));                     // Prometheus, VictoriaMetrics
  EXPECT_TRUE(accepts_gzip("deflate, gzip, br, zstd"));  // curl --compressed
  EXPECT_TRUE(accepts_gzip("gzip, deflate, br"));        // browsers
  EXPECT_FALSE(accepts_gzip("identity"));                // enable_compression: false
  EXPECT_FALSE(accepts_gzip(""));                        // curl
}

TEST(AcceptsGzip, WeighsQualities) {
  EXPECT_FALSE(accepts_gzip("gzip;q=0"));
  EXPECT_FALSE(accepts_gzip("gzip;q=0.000, *"));
  EXPECT_FALSE(accepts_gzip("deflate, br"));
  EXPECT_FALSE(accepts_gzip("gzip;q=0.5, identity"));
  EXPECT_FALSE(accepts_gzip("*;q=0"));
  EXPECT_TRUE(accepts_gzip("*"));
  EXPECT_TRUE(accepts_gzip("*;q=0.1"));
  EXPECT_TRUE(accepts_gzip("identity;q=0, *;q=0.5"));
  EXPECT_TRUE(accepts_gzip("gzip;q=0.001"));
  EXPECT_TRUE(accepts_gzip("identity;q=0.5, gzip;q=0.5"));
  EXPECT_TRUE(accepts_gzip("GZIP"));
  EXPECT_TRUE(accepts_gzip("x-gzip"));
  EXPECT_TRUE(accepts_gzip("gzip;q=1.0, *;q=0"));
}

TEST(AcceptsGzip, PassesOverMalformedElements) {
  EXPECT_FALSE(accepts_gzip("gzip;q=high"));
  EXPECT_FALSE(accepts_gzip("gzipped"));
  EXPECT_FALSE(accepts_gzip(",;=\""));
  EXPECT_TRUE(accepts_gzip("br;q=high,,gzip"));
}

}  // namespace
}  // namespace memory_exporter::exposition
