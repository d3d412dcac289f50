#include "daemon/process_warnings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

namespace memory_exporter {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ProcessWarningsTest : public ::testing::Test {
 protected:
  /// What a look at the snapshot writes.
  std::string look() {
    text_.str("");
    warnings_.look_at(snapshot_);
    return text_.str();
  }

  process::Snapshot snapshot_;
  std::ostringstream text_;
  Log log_{LogFormat::logfmt, LogLevel::info,
           std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)};
  ProcessWarnings warnings_{log_, "/proc"};
};

TEST_F(ProcessWarningsTest, NothingIsSaidOfAMachineThatIsWell) {
  snapshot_.readers = {{"quick"}, {"slow"}};
  EXPECT_EQ(look(), "");
}

TEST_F(ProcessWarningsTest, TooManyGroupsAreSaidOnceWithTheKeyToRaise) {
  snapshot_.groups_folded = 3;
  EXPECT_THAT(look(), HasSubstr("raise=max_groups"));
  snapshot_.groups_folded = 4;
  EXPECT_EQ(look(), "");
}

TEST_F(ProcessWarningsTest, AKernelWithoutPssIsSaidOnceForEver) {
  snapshot_.counts.unsupported = 7;
  EXPECT_THAT(look(), HasSubstr("this kernel does not tell PSS and USS"));
  snapshot_.counts.unsupported = 0;
  EXPECT_EQ(look(), "");
  snapshot_.counts.unsupported = 7;
  EXPECT_EQ(look(), "");
}

TEST_F(ProcessWarningsTest, HungReadsAndAPauseAreSaidWhenTheyBegin) {
  snapshot_.readers = {{"quick", 1, 0, false}, {"slow"}};
  EXPECT_THAT(look(), HasSubstr("a read of a process hangs"));
  snapshot_.readers = {{"quick", 33, 0, true}, {"slow"}};
  const auto text = look();
  EXPECT_THAT(text, HasSubstr("reads of processes pause"));
  EXPECT_THAT(text, Not(HasSubstr("hangs: something")));
  EXPECT_EQ(look(), "");
}

TEST_F(ProcessWarningsTest, AThreadThatCannotBeStartedIsSaidAndNoMoreThanOnceAMinute) {
  snapshot_.readers = {{"quick", 0, 1, true}};
  EXPECT_THAT(look(), HasSubstr("could not be started"));
  snapshot_.readers = {{"quick", 0, 2, true}};
  EXPECT_EQ(look(), "");
}

}  // namespace
}  // namespace memory_exporter
