#include "daemon/heap_trim.h"

#include <gtest/gtest.h>

namespace memory_exporter {
namespace {

TEST(HeapTrim, IsDueInTheFourCollectionsAfterAFall) {
  HeapTrim trim;
  EXPECT_FALSE(trim.due(100));
  EXPECT_FALSE(trim.due(1'100));
  EXPECT_FALSE(trim.due(100));
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(trim.due(100));
  EXPECT_FALSE(trim.due(100));
}

TEST(HeapTrim, IsNotDueWhereFewHaveEnded) {
  HeapTrim trim;
  for (const std::size_t found : {1'000u, 800u, 1'000u, 801u, 801u, 801u})
    EXPECT_FALSE(trim.due(found));
  HeapTrim small;
  for (const std::size_t found : {199u, 0u, 199u, 0u, 0u}) EXPECT_FALSE(small.due(found));
}

TEST(HeapTrim, AFallInManyStepsIsTrimmedNowAndThen) {
  HeapTrim trim;
  int trims = 0;
  for (std::size_t found = 10'000; found > 0; found -= 10) trims += trim.due(found) ? 1 : 0;
  EXPECT_GT(trims, 5);
  EXPECT_LT(trims, 80);
}

}  // namespace
}  // namespace memory_exporter
