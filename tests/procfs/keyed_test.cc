#include "collectors/procfs/keyed.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace memory_exporter::procfs {
namespace {

TEST(TakeLine, TakesOneLineAfterAnother) {
  std::string_view text = "a\n\nb";
  EXPECT_EQ(take_line(text), "a");
  EXPECT_EQ(take_line(text), "");
  EXPECT_EQ(take_line(text), "b");
  EXPECT_EQ(take_line(text), "");
  EXPECT_TRUE(text.empty());
}

TEST(TakeWord, TakesRunsOfNonBlanks) {
  std::string_view text = " \ta  b\t";
  EXPECT_EQ(take_word(text), "a");
  EXPECT_EQ(take_word(text), "b");
  EXPECT_EQ(take_word(text), "");
}

TEST(ToNumber, TakesTheWholeTextOrNothing) {
  EXPECT_EQ(to_number("0"), 0u);
  EXPECT_EQ(to_number("18446744073709551615"), UINT64_MAX);
  EXPECT_EQ(to_number<std::int64_t>("-1"), -1);
  for (const char* bad :
       {"", "-1", "+1", " 1", "1 ", "0x1", "1.0", "18446744073709551616", "99999999999999999999"}) {
    EXPECT_FALSE(to_number(bad)) << bad;
  }
}

TEST(TakeNumber, LeavesWhatFollowsIt) {
  std::string_view text = "  12kB";
  EXPECT_EQ(take_number(text), 12u);
  EXPECT_EQ(text, "kB");
  EXPECT_FALSE(take_number(text));
  EXPECT_EQ(text, "kB");
}

TEST(ReadKib, ReadsAFigureWithItsUnitOnly) {
  const auto read = [](std::string_view text) -> std::optional<OptionalBytes> {
    OptionalBytes amount;
    if (!read_kib(text, amount)) return std::nullopt;
    return amount;
  };
  EXPECT_EQ(read("   12 kB"), OptionalBytes(Bytes{12 * 1024}));
  EXPECT_EQ(read("0 kB"), OptionalBytes(Bytes{0}));
  for (const char* bad : {"", "12", "12 MB", "kB", "x kB", "-1 kB", "1 kB 2"}) {
    EXPECT_FALSE(read(bad)) << bad;
  }
}

// SwapFree of -5 GiB, wrapped in bytes before it was divided; 2^63 bytes; 2^64 kB; just too much.
TEST(ReadKib, LeavesAnAmountThatNoMachineCanHoldAbsent) {
  for (const char* wrapped : {"18014398504239104 kB", "9007199254740992 kB",
                              "18446744073709551612 kB", "70368744177665 kB"}) {
    OptionalBytes amount;
    EXPECT_TRUE(read_kib(wrapped, amount)) << wrapped;
    EXPECT_FALSE(amount) << wrapped;
  }
  OptionalBytes amount;
  EXPECT_TRUE(read_kib("70368744177664 kB", amount));
  EXPECT_EQ(amount, most_memory);
}

TEST(ReadKib, LetsAddressSpaceAndPromisesBeLargerThanMemory) {
  OptionalBytes amount;
  EXPECT_TRUE(read_kib("140737488355328 kB", amount, most_address_space));
  EXPECT_EQ(amount, Bytes{std::uint64_t{1} << 57});
  amount.reset();
  EXPECT_TRUE(read_kib("9007199254740992 kB", amount, most_address_space));
  EXPECT_FALSE(amount);
}

TEST(Plausible, BoundsPagesByTheirSize) {
  EXPECT_EQ(plausible_pages(3, Bytes{65536}), Bytes{3 * 65536});
  EXPECT_FALSE(plausible_pages((std::uint64_t{1} << 40) + 1, Bytes{65536}));
  EXPECT_FALSE(plausible_pages(UINT64_MAX, Bytes{4096}));
  EXPECT_FALSE(plausible_pages(1, Bytes{}));
  EXPECT_EQ(plausible_count(std::uint64_t{1} << 44), std::uint64_t{1} << 44);
  EXPECT_EQ(plausible_count((std::uint64_t{1} << 44) + 1), std::nullopt);
}

TEST(ForEachKeyedLine, GivesKeysAndValuesAndPassesOverOtherLines) {
  std::vector<std::pair<std::string, std::string>> seen;
  const auto walked =
      for_each_keyed_line("a: 1\nnothing\n\nb:\nc:d:e\n", [&](auto key, auto value, int) {
        seen.emplace_back(key, value);
        return true;
      });
  EXPECT_TRUE(walked);
  EXPECT_EQ(seen, (decltype(seen){{"a", " 1"}, {"b", ""}, {"c", "d:e"}}));
}

TEST(ForEachKeyedLine, EndsAtTheFirstRefusalAndNamesKeyAndLine) {
  int calls = 0;
  const auto walked = for_each_keyed_line("\na:1\nb:2\nc:3\n", [&](auto key, auto, int) {
    ++calls;
    return key != "b";
  });
  ASSERT_FALSE(walked);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(walked.error().line, 3);
  EXPECT_EQ(walked.error().what, "unexpected value of b");
}

TEST(ForEachKeyedLine, RefusesALastLineWithoutItsNewline) {
  const auto accept = [](auto, auto, int) { return true; };
  EXPECT_TRUE(for_each_keyed_line("", accept));
  EXPECT_TRUE(for_each_keyed_line("a:1\n", accept));
  EXPECT_FALSE(for_each_keyed_line("a:1", accept));
}

struct Row {
  std::string_view key;
};

TEST(KeyedRows, FindsRowsInAnyOrderAndAsOftenAsAsked) {
  static constexpr Row rows[] = {{"a"}, {"b"}, {"c"}};
  KeyedRows<Row> keyed(rows);
  for (const char* key : {"a", "b", "c", "a", "c", "b", "b", "a"}) {
    const auto* row = keyed.find(key);
    ASSERT_NE(row, nullptr) << key;
    EXPECT_EQ(row->key, key);
    EXPECT_EQ(keyed.find("z"), nullptr);
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
