#include "collectors/procfs/single_value.h"

#include <gtest/gtest.h>

namespace memory_exporter::procfs {
namespace {

TEST(ParseSingleValue, ReadsANumberAndItsNewline) {
  const auto value = parse_single_value("65530\n");
  ASSERT_TRUE(value);
  EXPECT_EQ(*value, 65530u);
  EXPECT_EQ(*parse_single_value("0\n"), 0u);
  EXPECT_EQ(*parse_single_value(" 7 \n"), 7u);
  EXPECT_EQ(*parse_single_value("18446744073709551615\n"), UINT64_MAX);
}

TEST(ParseSingleValue, RefusesAnythingElse) {
  for (const char* text :
       {"", "\n", "60", "6", "-1\n", "+1\n", "1.5\n", "0x10\n", "1 2\n", "1\n2\n", "max\n",
        "18446744073709551616\n", "99999999999999999999\n", "1\n\n"}) {
    const auto value = parse_single_value(text);
    ASSERT_FALSE(value) << text;
    EXPECT_EQ(value.error().kind, ErrorKind::malformed);
  }
}

TEST(ParseSignedValue, ReadsNegativeNumbersToo) {
  EXPECT_EQ(*parse_signed_value("-4096\n"), -4096);
  EXPECT_EQ(*parse_signed_value("9223372036854775807\n"), INT64_MAX);
  EXPECT_FALSE(parse_signed_value("9223372036854775808\n"));
  EXPECT_FALSE(parse_signed_value("-\n"));
  EXPECT_FALSE(parse_signed_value("-40"));
}

TEST(ParseLimit, TellsNoLimitFromANumber) {
  EXPECT_EQ(*parse_limit("max\n"), std::nullopt);
  EXPECT_EQ(*parse_limit("0\n"), Bytes{0});
  EXPECT_EQ(*parse_limit("33554432\n"), Bytes{33554432});
  for (const char* text : {"", "max", "maximum\n", "-1\n", "1", "max 1\n"}) {
    EXPECT_FALSE(parse_limit(text)) << text;
  }
}

TEST(ParseYesOrNo, ReadsASwitch) {
  EXPECT_TRUE(*parse_yes_or_no("Y\n"));
  EXPECT_FALSE(*parse_yes_or_no("N\n"));
  for (const char* text : {"", "Y", "y\n", "1\n", "YN\n"}) {
    EXPECT_FALSE(parse_yes_or_no(text)) << text;
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
