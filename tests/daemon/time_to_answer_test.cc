#include "daemon/time_to_answer.h"

#include <gtest/gtest.h>

namespace memory_exporter {
namespace {

using std::chrono::milliseconds;

TEST(TimeoutFrom, ReadsSeconds) {
  EXPECT_EQ(timeout_from("9.5"), milliseconds(9500));
  EXPECT_EQ(timeout_from("10"), milliseconds(10'000));
  EXPECT_EQ(timeout_from("5e-1"), milliseconds(500));
}

TEST(TimeoutFrom, KeepsToTheLongestTime) {
  EXPECT_EQ(timeout_from("9223372036854775807"), longest_time);
  EXPECT_EQ(timeout_from("inf"), longest_time);
}

TEST(TimeoutFrom, KnowsNoTimeoutWhereNoneIsGiven) {
  for (const auto* text : {"", "0", "-1", "nan", "1s", " 1", "1e999", "+1", "0x10"}) {
    EXPECT_EQ(timeout_from(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace memory_exporter
