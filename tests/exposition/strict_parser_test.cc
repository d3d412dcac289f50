#include "tests/exposition/strict_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace memory_exporter::testing {
namespace {

using namespace std::string_literals;

/// The error's text, or "" where there was none.
std::string refusal(const Result<Exposition>& parsed) {
  return parsed ? "" : parsed.error().message();
}

/// What text 0.0.4 says of these samples of a gauge m.
std::string text_refusal(const std::string& samples) {
  return refusal(parse_text("# HELP m h\n# TYPE m gauge\n" + samples));
}

TEST(StrictTextParser, ReadsFamilies) {
  const auto parsed = parse_text(
      "# HELP a_bytes Some \\\\ \\n \"help\".\n"
      "# TYPE a_bytes gauge\n"
      "a_bytes{x=\"1\",y=\"a\\\"b\\\\c\\nd\"} 9007199254740993\n"
      "a_bytes{x=\"2\",y=\"\"} -1.5e-3\n"
      "# HELP b_total h\n"
      "# TYPE b_total counter\n"
      "b_total +Inf\n");
  ASSERT_TRUE(parsed) << parsed.error().message();
  ASSERT_EQ(parsed->size(), 2u);
  const auto& a = parsed->front();
  EXPECT_EQ(a.name, "a_bytes");
  EXPECT_EQ(a.type, "gauge");
  EXPECT_EQ(a.help, "Some \\ \n \"help\".");
  ASSERT_EQ(a.samples.size(), 2u);
  EXPECT_EQ(a.samples[0].label("y"), "a\"b\\c\nd");
  EXPECT_EQ(a.samples[0].value_text, "9007199254740993");
  EXPECT_EQ(a.samples[1].value, -1.5e-3);
  ASSERT_NE(find_family(*parsed, "b_total"), nullptr);
  EXPECT_EQ(find_family(*parsed, "b_total")->type, "counter");
  EXPECT_EQ(find_family(*parsed, "c"), nullptr);
}

TEST(StrictOpenMetricsParser, ReadsFamilies) {
  const auto parsed = parse_open_metrics(
      "# HELP a_seconds A \\\"b\\\".\n"
      "# TYPE a_seconds counter\n"
      "# UNIT a_seconds seconds\n"
      "a_seconds_total{x=\"1\"} 2\n"
      "# EOF\n");
  ASSERT_TRUE(parsed) << parsed.error().message();
  ASSERT_EQ(parsed->size(), 1u);
  EXPECT_EQ(parsed->front().name, "a_seconds");
  EXPECT_EQ(parsed->front().unit, "seconds");
  EXPECT_EQ(parsed->front().help, "A \"b\".");
  EXPECT_EQ(parsed->front().samples.front().name, "a_seconds_total");
}

TEST(StrictParser, ReadsAnEmptyExposition) {
  EXPECT_EQ(refusal(parse_text("")), "");
  EXPECT_EQ(refusal(parse_open_metrics("# EOF\n")), "");
}

TEST(StrictTextParser, NamesTheLine) {
  EXPECT_EQ(text_refusal("m 1\nm x\n"), ":4: the value is no number");
}

TEST(StrictTextParser, RefusesFamiliesThatAreRepeatedOrSplit) {
  const auto a = "# HELP a h\n# TYPE a gauge\na 1\n"s;
  const auto b = "# HELP b h\n# TYPE b gauge\nb 1\n"s;
  EXPECT_EQ(refusal(parse_text(a + b)), "");
  EXPECT_NE(refusal(parse_text(a + b + a)), "");
  EXPECT_NE(refusal(parse_text(a + b + "a{x=\"1\"} 2\n")), "");
}

TEST(StrictTextParser, RefusesMetadataOutOfPlace) {
  EXPECT_NE(refusal(parse_text("a 1\n")), "");
  EXPECT_NE(refusal(parse_text("# HELP a h\na 1\n")), "");
  EXPECT_NE(refusal(parse_text("# TYPE a gauge\na 1\n")), "");
  EXPECT_NE(refusal(parse_text("# HELP a h\na 1\n# TYPE a gauge\n")), "");
  EXPECT_NE(refusal(parse_text("# TYPE a gauge\na 1\n# HELP a h\n")), "");
  EXPECT_NE(refusal(parse_text("# HELP a h\n# TYPE a gauge\n")), "");
  EXPECT_NE(refusal(parse_text("# HELP a h\n# HELP a h\n# TYPE a gauge\na 1\n")), "");
  EXPECT_NE(refusal(parse_text("# HELP a h\n# TYPE a gauge\n# TYPE a gauge\na 1\n")), "");
  EXPECT_NE(refusal(parse_text("# HELP a h\n# TYPE a gouge\na 1\n")), "");
  EXPECT_NE(refusal(parse_text("# HELP a h\n# TYPE b gauge\na 1\n")), "");
}

TEST(StrictTextParser, RefusesTheSameLabelsTwice) {
  EXPECT_EQ(text_refusal("m{a=\"1\"} 1\nm{a=\"2\"} 1\nm 1\n"), "");
  EXPECT_NE(text_refusal("m 1\nm 2\n"), "");
  EXPECT_NE(text_refusal("m{a=\"1\",b=\"2\"} 1\nm{b=\"2\",a=\"1\"} 1\n"), "");
  EXPECT_NE(text_refusal("m{a=\"\"} 1\nm 1\n"), "");
}

TEST(StrictTextParser, RefusesBadLabels) {
  for (const auto* labels : {"{}",
                             "{a}",
                             "{a=}",
                             "{a=1}",
                             "{a=\"1}",
                             "{a=\"1\"",
                             "{a=\"1\",}",
                             "{,a=\"1\"}",
                             "{a=\"1\" ,b=\"2\"}",
                             "{a=\"1\"b=\"2\"}",
                             "{a=\"1\"}}",
                             "{a=\"1\",a=\"2\"}",
                             "{1=\"1\"}",
                             "{a-b=\"1\"}",
                             "{__a=\"1\"}",
                             "{a:b=\"1\"}",
                             "{=\"1\"}",
                             "{a=\"\\t\"}",
                             "{a=\"\\\"}",
                             "{a=\"\\x41\"}",
                             "{a=\"b\"c\"}",
                             "{a=\"\xFF\"}",
                             "{a=\"\xC0\xAF\"}",
                             "{a=\"\xED\xA0\x80\"}",
                             "{a=\"\xF4\x90\x80\x80\"}",
                             "{a=\"\xE2\x82\"}"}) {
    EXPECT_NE(text_refusal("m"s + labels + " 1\n"), "") << labels;
  }
  EXPECT_EQ(text_refusal("m{a=\"{},= \\n\xE2\x82\xAC\",b=\"\"} 1\n"), "");
}

TEST(StrictTextParser, RefusesBadValues) {
  for (const auto* value :
       {"", " ", " 1 ", "  1", " 1 2", " x", " 1x", " 0x1", " nan", " Nan", " inf", " Inf",
        " infinity", " --1", " +-1", " 1e", " 1,5", "\t1", "1"}) {
    EXPECT_NE(text_refusal("m"s + value + "\n"), "") << value;
  }
  for (const auto* value : {"0", "-0", "1", "+1", "1.5", "1e5", "1E+05", "NaN", "+Inf", "-Inf",
                            "18446744073709551615"}) {
    EXPECT_EQ(text_refusal("m "s + value + "\n"), "") << value;
  }
}

TEST(StrictTextParser, RefusesLooseLines) {
  EXPECT_NE(text_refusal("m 1"), "");
  EXPECT_NE(text_refusal("m 1\r\n"), "");
  EXPECT_NE(text_refusal("\nm 1\n"), "");
  EXPECT_NE(text_refusal("# a comment\nm 1\n"), "");
  EXPECT_NE(text_refusal("# EOF\nm 1\n"), "");
  EXPECT_NE(text_refusal("n 1\n"), "");
  EXPECT_NE(text_refusal("m-n 1\n"), "");
  EXPECT_NE(text_refusal(" m 1\n"), "");
  EXPECT_NE(refusal(parse_text("# HELP m a\\tb\n# TYPE m gauge\nm 1\n")), "");
  EXPECT_NE(refusal(parse_text("# HELP m a\\\n# TYPE m gauge\nm 1\n")), "");
  EXPECT_NE(refusal(parse_text("# HELP m \xFF\n# TYPE m gauge\nm 1\n")), "");
  EXPECT_NE(refusal(parse_text("# HELP m h\n# TYPE m gauge\n# UNIT m m\nm 1\n")), "");
}

TEST(StrictOpenMetricsParser, RefusesAnExpositionThatDoesNotEnd) {
  const auto family = "# HELP a h\n# TYPE a gauge\na 1\n"s;
  EXPECT_EQ(refusal(parse_open_metrics(family + "# EOF\n")), "");
  EXPECT_NE(refusal(parse_open_metrics("")), "");
  EXPECT_NE(refusal(parse_open_metrics(family)), "");
  EXPECT_NE(refusal(parse_open_metrics(family + "# EOF\n\n")), "");
  EXPECT_NE(refusal(parse_open_metrics(family + "# EOF\n# EOF\n")), "");
  EXPECT_NE(refusal(parse_open_metrics("# EOF\n" + family)), "");
}

TEST(StrictOpenMetricsParser, RefusesWhatOpenMetricsRefuses) {
  for (const auto* text : {
           "# HELP a h\n# TYPE a counter\na 1\n",                    // no _total
           "# HELP a_total h\n# TYPE a_total counter\na_total 1\n",  // nor behind a second one
           "# HELP a h\n# TYPE a gauge\na_total 1\n",
           "# HELP a h\n# TYPE a counter\na_total -1\n",
           "# HELP a h\n# TYPE a counter\na_total NaN\n",
           "# HELP a h\n# TYPE a gauge\n# UNIT a bytes\na 1\n",
           "# HELP bytes h\n# TYPE bytes gauge\n# UNIT bytes bytes\nbytes 1\n",
           "# HELP a_bytes h\n# TYPE a_bytes gauge\n# UNIT a_bytes bytes\n# UNIT a_bytes "
           "bytes\na_bytes 1\n",
           "# HELP a \"h\"\n# TYPE a gauge\na 1\n",
           "# HELP a h\n# TYPE a counter\na_total 1\n# HELP a_total h\n# TYPE a_total "
           "gauge\na_total 1\n",
           "# HELP a_created h\n# TYPE a_created gauge\na_created 1\n# HELP a h\n# TYPE a "
           "counter\na_total 1\n",
       }) {
    EXPECT_NE(refusal(parse_open_metrics(text + "# EOF\n"s)), "") << text;
  }
}

}  // namespace
}  // namespace memory_exporter::testing
