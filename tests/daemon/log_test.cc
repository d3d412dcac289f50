#include "daemon/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

namespace memory_exporter {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

/// A log whose lines and clock the test holds.
class LogTest : public ::testing::Test {
 protected:
  Log& log(LogFormat format = LogFormat::logfmt, LogLevel level = LogLevel::debug) {
    log_.emplace(format, level, std::make_shared<spdlog::sinks::ostream_sink_mt>(out_),
                 [this] { return now_; });
    return *log_;
  }

  /// The lines since the last call, without their times.
  std::vector<std::string> lines() {
    std::vector<std::string> lines;
    std::istringstream text(out_.str());
    for (std::string line; std::getline(text, line);) {
      const auto time = line.find("level");
      lines.push_back(line.substr(line.front() == '{' ? time - 1 : time));
    }
    out_.str("");
    return lines;
  }

  std::ostringstream out_;
  Log::Clock::time_point now_ = Log::Clock::time_point(std::chrono::hours(1));
  std::optional<Log> log_;
};

TEST_F(LogTest, WritesOneLogfmtLineAnEvent) {
  log().info("listening", {{"address", "127.0.0.1:10042"}, {"version", "0.1.0"}});
  EXPECT_THAT(out_.str(),
              MatchesRegex("ts=[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z level=info "
                           "msg=listening address=127\\.0\\.0\\.1:10042 version=0\\.1\\.0\n"));
}

TEST_F(LogTest, WritesOneJsonObjectAnEvent) {
  log(LogFormat::json).warn("cannot read", {{"path", "/proc/1/\"x\\\n"}});
  EXPECT_THAT(lines(),
              ElementsAre(R"("level":"warn","msg":"cannot read","path":"/proc/1/\"x\\\n"})"));
}

TEST_F(LogTest, NoValueCanEndALineOrPassForAnotherField) {
  log().info("read", {{"name", "a\nlevel=error msg=forged"}, {"other", "x y=\"z\""}});
  log().info("read", {{"name", std::string("\x1b[31m\0\x7f\r\t", 9)}});
  log().info("read", {{"name", "\xff\xc2\x9b caf\xc3\xa9"}, {"empty", ""}});
  EXPECT_THAT(
      lines(),
      ElementsAre(R"(level=info msg=read name="a\nlevel=error msg=forged" other="x y=\"z\"")",
                  R"(level=info msg=read name="\u001b[31m\u0000\u007f\u000d\u0009")",
                  "level=info msg=read name=\"\xEF\xBF\xBD\\u009b caf\xc3\xa9\" empty=\"\""));
}

TEST_F(LogTest, LeavesOutWhatIsBelowItsLevel) {
  auto& quiet = log(LogFormat::logfmt, LogLevel::warn);
  quiet.debug("d");
  quiet.info("i");
  EXPECT_THAT(lines(), IsEmpty());
  quiet.warn("w");
  quiet.error("e");
  EXPECT_THAT(lines(), ElementsAre("level=warn msg=w", "level=error msg=e"));
}

TEST_F(LogTest, TheSameWarningIsWrittenOnceAMinuteWithACount) {
  auto& out = log();
  for (int i = 0; i < 5; ++i) out.warn("collector failed", {{"collector", "swap"}});
  out.warn("collector failed", {{"collector", "pressure"}});
  EXPECT_THAT(lines(), ElementsAre("level=warn msg=\"collector failed\" collector=swap",
                                   "level=warn msg=\"collector failed\" collector=pressure"));
  now_ += std::chrono::seconds(59);
  out.warn("collector failed", {{"collector", "swap"}});
  EXPECT_THAT(lines(), IsEmpty());
  now_ += std::chrono::seconds(1);
  out.warn("collector failed", {{"collector", "swap"}});
  out.warn("collector failed", {{"collector", "pressure"}});
  EXPECT_THAT(lines(),
              ElementsAre("level=warn msg=\"collector failed\" collector=swap suppressed=5",
                          "level=warn msg=\"collector failed\" collector=pressure"));
}

TEST_F(LogTest, TheSameInformationIsWrittenTenTimesAMinuteWithACount) {
  auto& out = log();
  for (int i = 0; i < 100'000; ++i) out.info("configuration read", {{"file", "f.yml"}});
  EXPECT_THAT(lines(), SizeIs(10));
  out.info("configuration read", {{"file", "g.yml"}});
  EXPECT_THAT(lines(), SizeIs(1));
  now_ += std::chrono::minutes(1);
  out.info("configuration read", {{"file", "f.yml"}});
  EXPECT_THAT(lines(),
              ElementsAre("level=info msg=\"configuration read\" file=f.yml suppressed=99990"));
}

TEST_F(LogTest, WhoAsksForEverythingGetsEverything) {
  auto& out = log();
  for (int i = 0; i < 100; ++i) out.debug("scrape");
  EXPECT_THAT(lines(), SizeIs(100));
}

TEST_F(LogTest, TextThatTurnsOrHidesWhatIsAroundItIsEscaped) {
  log().info("read", {{"name", "a\xe2\x80\xaez"}});
  log(LogFormat::json).info("read", {{"name", "a\xe2\x80\xaez\xe2\x81\xa6\xe2\x80\xa8"}});
  EXPECT_THAT(lines(),
              ElementsAre(R"(level=info msg=read name="a\u202ez")",
                          R"("level":"info","msg":"read","name":"a\u202ez\u2066\u2028"})"));
}

TEST_F(LogTest, ALineHasABoundAndEndsAsItShould) {
  for (const auto* unit : {"x", "\x1b", "\"", "\xc3\xa9", "\xf3\xa0\x81\x81", "\xff", " "}) {
    std::string value;
    for (int i = 0; i < 100'000; ++i) value += unit;
    for (const auto format : {LogFormat::logfmt, LogFormat::json}) {
      log(format).warn("read", {{"first", value},
                                {"second", value},
                                {"third", value},
                                {"fourth", value},
                                {"fifth", value},
                                {"sixth", value}});
      const auto line = out_.str();
      out_.str("");
      EXPECT_LE(line.size(), Log::longest_line);
      EXPECT_GT(line.size(), 3000u);
      EXPECT_TRUE(line.ends_with(format == LogFormat::json ? "\"}\n" : "\"\n"))
          << line.substr(line.size() - 20);
      EXPECT_NE(line.find("first"), std::string::npos);
      EXPECT_NE(line.find("...\""), std::string::npos);
    }
  }
}

TEST_F(LogTest, AFloodOfDifferentErrorsIsLimitedToo) {
  auto& out = log();
  for (int i = 0; i < 10'000; ++i) out.error("failed", {{"pid", std::to_string(i)}});
  EXPECT_THAT(lines(), SizeIs(256));
  // Long after the flood, an error is news again.
  now_ += std::chrono::minutes(11);
  out.error("failed", {{"pid", "1"}});
  EXPECT_THAT(lines(), SizeIs(1));
}

}  // namespace
}  // namespace memory_exporter
