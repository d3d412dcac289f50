#include "collectors/procfs/keyed.h"

#include <gtest/gtest.h>

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

TEST(TakeKib, ReadsAFigureWithItsUnitOnly) {
  const auto take = [](std::string_view text) { return take_kib(text); };
  EXPECT_EQ(take("   12 kB"), Bytes{12 * 1024});
  EXPECT_EQ(take("0 kB"), Bytes{0});
  EXPECT_EQ(take("18014398509481983 kB"), Bytes{UINT64_MAX - 1023});
  for (const char* bad : {"", "12", "12 MB", "kB", "x kB", "-1 kB", "18014398509481984 kB"}) {
    EXPECT_FALSE(take(bad)) << bad;
  }
}

TEST(ForEachKeyedLine, GivesKeysAndValuesAndPassesOverOtherLines) {
  std::vector<std::pair<std::string, std::string>> seen;
  const auto walked =
      for_each_keyed_line("a: 1\nnothing\n\nb:\nc:d:e\n", [&](auto key, auto value) {
        seen.emplace_back(key, value);
        return true;
      });
  EXPECT_TRUE(walked);
  EXPECT_EQ(seen, (decltype(seen){{"a", " 1"}, {"b", ""}, {"c", "d:e"}}));
}

TEST(ForEachKeyedLine, EndsAtTheFirstRefusalAndNamesKeyAndLine) {
  int calls = 0;
  const auto walked = for_each_keyed_line("\na:1\nb:2\nc:3\n", [&](auto key, auto) {
    ++calls;
    return key != "b";
  });
  ASSERT_FALSE(walked);
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(walked.error().line, 3);
  EXPECT_EQ(walked.error().what, "unexpected value of b");
}

TEST(ForEachKeyedLine, RefusesALastLineWithoutItsNewline) {
  const auto accept = [](auto, auto) { return true; };
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
