#include "collectors/base/printable.h"

#include <gtest/gtest.h>

namespace memory_exporter {
namespace {

TEST(Printable, LeavesTextAsItIs) {
  for (const auto* text : {"", "plain", "caf\xc3\xa9", "\xe6\x97\xa5\xe6\x9c\xac",
                           "\xf0\x9f\x98\x80", "\xEF\xBF\xBD", "back\\slash \"quote\""}) {
    EXPECT_EQ(printable(text), text);
  }
}

TEST(Printable, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(printable("\x1b[31m"), "\\u001b[31m");
  EXPECT_EQ(printable("a\nb\r\t\x7f"), "a\\u000ab\\u000d\\u0009\\u007f");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\u0000");
  EXPECT_EQ(printable("\xc2\x9b"), "\\u009b");
}

TEST(Printable, EscapesWhatTurnsOrHidesTheTextAroundIt) {
  EXPECT_EQ(printable("a\xe2\x80\xaez"), "a\\u202ez");  // right-to-left override
  EXPECT_EQ(printable("\xe2\x81\xa6\xe2\x81\xa9"), "\\u2066\\u2069");
  EXPECT_EQ(printable("\xe2\x80\xa8\xe2\x80\xa9"), "\\u2028\\u2029");
  EXPECT_EQ(printable("\xe2\x80\x8b\xef\xbb\xbf"), "\\u200b\\ufeff");
  EXPECT_EQ(printable("\xf3\xa0\x81\x81"), "\\udb40\\udc41");  // tag letter
}

TEST(Printable, MarksWhatIsNoUtf8) {
  EXPECT_EQ(printable("\xff"
                      "a\xc3"),
            "\xEF\xBF\xBD"
            "a\xEF\xBF\xBD");
}

TEST(Printable, IsCutBetweenCharactersAndNeverLongerThanAsked) {
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abc...");
  for (std::size_t most = 3; most < 40; ++most) {
    for (const auto* unit :
         {"a", "\xc3\xa9", "\xf0\x9f\x98\x80", "\x1b", "\xf3\xa0\x81\x81", "\xff"}) {
      std::string text;
      for (int i = 0; i < 50; ++i) text += unit;
      const auto cut = printable(text, most);
      EXPECT_LE(cut.size(), most);
      EXPECT_TRUE(cut.ends_with("...")) << cut;
      EXPECT_EQ(printable(cut), cut) << "whole characters";
    }
  }
}

TEST(PrintableLines, KeepsTheLinesAndNothingElseThatMovesATerminal) {
  EXPECT_EQ(printable_lines("a{x=\"\x1b[2J\"} 1\nb{x=\"\xe2\x80\xae\"} 2\n"),
            "a{x=\"\\u001b[2J\"} 1\nb{x=\"\\u202e\"} 2\n");
  EXPECT_EQ(printable_lines(""), "");
  EXPECT_EQ(printable_lines("\n\nno end\r"), "\n\nno end\\u000d");
  const std::string longer(10'000, 'x');
  EXPECT_EQ(printable_lines(longer), longer);
}

TEST(InQuotes, KeepsRoomForWhatTheMessageGoesOnToSay) {
  EXPECT_EQ(in_quotes("5 s"), "\"5 s\"");
  EXPECT_LE(in_quotes(std::string(100'000, 'x')).size(), 82u);
}

}  // namespace
}  // namespace memory_exporter
