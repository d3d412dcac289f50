#include "collectors/base/bytes.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace memory_exporter {
namespace {

TEST(OptionalBytesTest, IsUnknownUntilItIsGivenAnAmount) {
  OptionalBytes amount;
  EXPECT_FALSE(amount);
  EXPECT_EQ(amount, std::nullopt);
  EXPECT_EQ(amount.value_or(Bytes{7}), Bytes{7});
  EXPECT_THROW(amount.value(), std::bad_optional_access);
  amount = Bytes{};
  EXPECT_TRUE(amount);
  EXPECT_EQ(amount, Bytes{});
  EXPECT_EQ(amount.value_or(Bytes{7}), Bytes{});
  amount.reset();
  EXPECT_FALSE(amount);
}

TEST(OptionalBytesTest, TakesNoMoreRoomThanAnAmount) {
  EXPECT_EQ(sizeof(OptionalBytes), sizeof(Bytes));
}

TEST(OptionalBytesTest, UnknownIsLessThanAnyAmount) {
  EXPECT_LT(OptionalBytes(), OptionalBytes(Bytes{}));
  EXPECT_LT(OptionalBytes(Bytes{1}), OptionalBytes(Bytes{2}));
  EXPECT_EQ(std::max(OptionalBytes(Bytes{1}), OptionalBytes()), Bytes{1});
}

TEST(SumTest, UnknownAddsNothingOrMakesTheSumUnknown) {
  OptionalBytes known;
  add_known(known, OptionalBytes());
  EXPECT_EQ(known, std::nullopt);
  add_known(known, OptionalBytes(Bytes{3}));
  add_known(known, OptionalBytes());
  add_known(known, OptionalBytes(Bytes{4}));
  EXPECT_EQ(known, Bytes{7});

  OptionalBytes complete(Bytes{3});
  add_complete(complete, OptionalBytes(Bytes{4}));
  EXPECT_EQ(complete, Bytes{7});
  add_complete(complete, OptionalBytes());
  add_complete(complete, OptionalBytes(Bytes{4}));
  EXPECT_EQ(complete, std::nullopt);
}

}  // namespace
}  // namespace memory_exporter
