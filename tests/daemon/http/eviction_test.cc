#include "daemon/http/eviction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace memory_exporter::eviction {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr double unknown = std::numeric_limits<double>::infinity();

TEST(HeadsToCut, TakesTheOldestOfTheAddressWithMost) {
  const std::vector<Head> heads = {{"10.0.0.1", seconds(9), true},
                                   {"10.0.0.2", seconds(1), true},
                                   {"10.0.0.2", seconds(3), true},
                                   {"10.0.0.2", seconds(2), true}};
  EXPECT_THAT(heads_to_cut(heads, 2, seconds(1)), ElementsAre(2, 3));
  EXPECT_THAT(heads_to_cut(heads, 9, seconds(1)), ElementsAre(2, 3, 1, 0));
  EXPECT_THAT(heads_to_cut(heads, 0, seconds(1)), IsEmpty());
}

TEST(HeadsToCut, LeavesAClientTheTimeToSendItsHead) {
  const std::vector<Head> heads = {{"a", milliseconds(4), true},
                                   {"a", milliseconds(99), false},
                                   {"a", milliseconds(5), true},
                                   {"a", milliseconds(100), false}};
  EXPECT_THAT(heads_to_cut(heads, 9, milliseconds(100)), ElementsAre(2, 3));
}

TEST(Silence, IsTakenForAFloodOnceMostSendNothing) {
  Silence silence;
  EXPECT_GE(silence.grace(), seconds(1));
  for (int i = 0; i < 16; ++i) silence.never_came();
  EXPECT_LE(silence.grace(), milliseconds(20));
  for (int i = 0; i < 16; ++i) silence.came();
  EXPECT_GE(silence.grace(), seconds(1));
}

TEST(RepliesToCut, LeavesTheOldestAsFarAsPlacesGo) {
  const int body = 0;
  const std::vector<Reply> replies = {{&body, 10, seconds(1), unknown},
                                      {&body, 10, seconds(3), unknown},
                                      {&body, 10, seconds(2), unknown}};
  EXPECT_THAT(replies_to_cut(replies, {2, 1000}), ElementsAre(0));
  EXPECT_THAT(replies_to_cut(replies, {3, 1000}), IsEmpty());
  EXPECT_THAT(replies_to_cut(replies, {0, 1000}), ElementsAre(1, 2, 0));
}

TEST(RepliesToCut, CountsBytesThatSeveralSendOnce) {
  const int first = 0, second = 0;
  const std::vector<Reply> replies = {{&first, 60, seconds(9), unknown},
                                      {&first, 60, seconds(8), unknown},
                                      {&second, 60, seconds(7), unknown},
                                      {&first, 60, seconds(6), unknown}};
  EXPECT_THAT(replies_to_cut(replies, {9, 100}), ElementsAre(2));
  EXPECT_THAT(replies_to_cut(replies, {9, 120}), IsEmpty());
}

TEST(RepliesToCut, LeavesOneThatIsLargerThanAllTheRoom) {
  const int first = 0, second = 0;
  const std::vector<Reply> replies = {{&first, 500, seconds(9), unknown},
                                      {&second, 10, seconds(7), unknown}};
  EXPECT_THAT(replies_to_cut(replies, {9, 100}), ElementsAre(1));
}

TEST(RepliesToCut, TakesTheSlowestFirstWhateverItsAge) {
  const int body = 0;
  const std::vector<Reply> replies = {{&body, 10, seconds(20), least_rate / 2},
                                      {&body, 10, seconds(10), least_rate},
                                      {&body, 10, seconds(30), 0}};
  EXPECT_THAT(replies_to_cut(replies, {9, 1000}), ElementsAre(2, 0));
}

TEST(RepliesToCut, LeavesWhatHasOnlyBegun) {
  const int body = 0;
  const std::vector<Reply> replies = {{&body, 10, quick - milliseconds(1), unknown},
                                      {&body, 10, quick, unknown}};
  EXPECT_THAT(replies_to_cut(replies, {0, 1000}), ElementsAre(1));
}

}  // namespace
}  // namespace memory_exporter::eviction
