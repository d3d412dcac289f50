#include "daemon/heap_trim.h"

#include <gtest/gtest.h>

namespace memory_exporter {
namespace {

TEST(HeapTrim, IsDueOnceInTheCollectionAfterAFall) {
  HeapTrim trim;
  EXPECT_FALSE(trim.due(100));
  EXPECT_FALSE(trim.due(1'100));
  EXPECT_FALSE(trim.due(100));
  EXPECT_TRUE(trim.due(100));
  EXPECT_FALSE(trim.due(100));
}

TEST(HeapTrim, IsNotDueWhereFewHaveEnded) {
  HeapTrim trim;
  for (const std::size_t found : {1'000, 800, 1'000, 801, 801, 801}) EXPECT_FALSE(trim.due(found));
  HeapTrim small;
  for (const std::size_t found : {199, 0, 199, 0, 0}) EXPECT_FALSE(small.due(found));
}

TEST(HeapTrim, AFallInManyStepsIsOne) {
  HeapTrim trim;
  int trims = 0;
  for (std::size_t found = 10'000; found > 0; found -= 10) trims += trim.due(found) ? 1 : 0;
  EXPECT_GT(trims, 5);
  EXPECT_LT(trims, 20);
}

}  // namespace
}  // namespace memory_exporter
