#include "collectors/procfs/pressure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace memory_exporter::procfs {
namespace {

using std::chrono::microseconds;
using ::testing::Optional;

TEST(ParsePressure, ReadsTheTotalsInMicroseconds) {
  // Kernel 6.1, the layout since 4.20.
  const auto pressure = parse_pressure(
      "some avg10=0.00 avg60=1.34 avg300=0.27 total=81722114\n"
      "full avg10=0.00 avg60=1.20 avg300=0.25 total=75013377\n");
  ASSERT_FALSE(pressure.skipped) << pressure.skipped.error().message();
  EXPECT_THAT(pressure->some, Optional(microseconds(81722114)));
  EXPECT_THAT(pressure->full, Optional(microseconds(75013377)));
}

TEST(ParsePressure, TellsAnAbsentLineFromZero) {
  const auto pressure = parse_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
  ASSERT_FALSE(pressure.skipped);
  EXPECT_THAT(pressure->some, Optional(microseconds(0)));
  EXPECT_EQ(pressure->full, std::nullopt);
}

TEST(ParsePressure, PassesOverKindsItDoesNotKnow) {
  const auto pressure = parse_pressure("other total=7\nfull total=1\n");
  ASSERT_FALSE(pressure.skipped);
  EXPECT_EQ(pressure->some, std::nullopt);
  EXPECT_THAT(pressure->full, Optional(microseconds(1)));
}

TEST(ParsePressure, SaysThatAFileIsEmpty) {
  const auto pressure = parse_pressure("");
  EXPECT_EQ(pressure.skipped.lines, 1u);
  EXPECT_EQ(pressure->some, std::nullopt);
}

TEST(ParsePressure, SkipsALineThatHasNotItsForm) {
  for (const char* line : {"full", "full total=", "full total=x", "full total=-1", "full total=1.5",
                           "full total=99999999999999999999", "full avg10=0.00"}) {
    const auto pressure = parse_pressure("some total=1\n" + std::string(line) + "\n");
    EXPECT_EQ(pressure.skipped.lines, 1u) << line;
    EXPECT_EQ(pressure.skipped.first, 2) << line;
    EXPECT_THAT(pressure->some, Optional(microseconds(1))) << line;
    EXPECT_EQ(pressure->full, std::nullopt) << line;
  }
}

TEST(ParsePressure, LosesOnlyTheLineThatATextEndsWithin) {
  const std::string whole = "some total=81722114\nfull avg300=0.27 total=81722114\n";
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const auto cut = parse_pressure(whole.substr(0, size));
    EXPECT_EQ(bool(cut.skipped), whole[size - 1] != '\n') << size;
    EXPECT_EQ(cut->some.has_value(), size > whole.find('\n')) << size;
    EXPECT_EQ(cut->full, std::nullopt) << size;
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
