#include "collectors/base/label.h"
#include "collectors/base/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace memory_exporter {
namespace {

using namespace std::string_literals;

std::string repaired(std::string_view bytes) {
  std::string out;
  append_valid_utf8(out, bytes);
  return out;
}

/// `text` with every '?' as U+FFFD.
std::string marked(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '?') {
      out += replacement_character;
    } else {
      out += c;
    }
  }
  return out;
}

TEST(AppendValidUtf8, LeavesValidTextAsItIs) {
  for (const auto& text : {""s, "a"s, "postgres: writer"s, "tab\tnewline\nquote\"back\\slash"s,
                           "na\xC3\xAFve"s, "\xE2\x82\xAC"s, "\xF0\x9F\x90\xA7"s, "nul\0nul"s,
                           "\xED\x9F\xBF\xEE\x80\x80"s,  // either side of the surrogates
                           "\xF4\x8F\xBF\xBF"s}) {       // U+10FFFF
    EXPECT_EQ(repaired(text), text);
  }
}

TEST(AppendValidUtf8, AppendsToWhatIsThere) {
  std::string out = "before ";
  append_valid_utf8(out, "after\xFF");
  EXPECT_EQ(out, "before after" + std::string(replacement_character));
}

TEST(AppendValidUtf8, ReplacesStrayBytesOneByOne) {
  EXPECT_EQ(repaired("a\x80\xBFz"), marked("a??z"));
  EXPECT_EQ(repaired("\xFE\xFF"), marked("??"));
  EXPECT_EQ(repaired("\xC0\xAF"), marked("??"));                 // overlong '/'
  EXPECT_EQ(repaired("\xF8\x88\x80\x80\x80"), marked("?????"));  // five-byte form
}

// The examples of the Unicode standard, section 3.9, tables 3-8 to 3-11.
TEST(AppendValidUtf8, ReplacesMaximalSubpartsAsTheUnicodeStandardDoes) {
  EXPECT_EQ(repaired("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), marked("????????A"));
  EXPECT_EQ(repaired("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), marked("????????A"));
  EXPECT_EQ(repaired("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"), marked("?????A??B"));
  EXPECT_EQ(repaired("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), marked("????A"));
}

TEST(AppendValidUtf8, ReplacesASequenceCutOffAtTheEndOnce) {
  EXPECT_EQ(repaired("abc\xE2\x82"), marked("abc?"));
  EXPECT_EQ(repaired("abc\xF0\x9F\x90"), marked("abc?"));
  EXPECT_EQ(repaired("abc\xC3"), marked("abc?"));
}

TEST(AppendValidUtf8, FindsBadBytesWhereverTheyStandInALongText) {
  for (std::size_t at = 0; at < 40; ++at) {
    std::string text(40, 'x');
    text[at] = '\xFF';
    auto expected = std::string(at, 'x') + std::string(replacement_character);
    expected.append(39 - at, 'x');
    EXPECT_EQ(repaired(text), expected) << "at " << at;
  }
}

TEST(AppendValidUtf8, MakesEveryTwoByteTextValidAndNeverShorter) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string text = {static_cast<char>(a), static_cast<char>(b)};
      const auto once = repaired(text);
      EXPECT_EQ(repaired(once), once);
      EXPECT_GE(once.size(), text.size());
    }
  }
}

TEST(ValidLabel, KeepsWhatFits) {
  EXPECT_EQ(valid_label(""), "");
  EXPECT_EQ(valid_label("systemd"), "systemd");
  const std::string longest(max_label_size, 'x');
  EXPECT_EQ(valid_label(longest), longest);
}

TEST(ValidLabel, CutsALongValueToTheLimitWithAHashOfTheWhole) {
  const std::string head(max_label_size, 'x');
  const auto a = valid_label(head + "a");
  const auto b = valid_label(head + "b");
  EXPECT_EQ(a.size(), max_label_size);
  EXPECT_EQ(b.size(), max_label_size);
  EXPECT_NE(a, b);
  EXPECT_EQ(a.substr(0, 495), head.substr(0, 495));
  EXPECT_EQ(a[495], '~');
  EXPECT_EQ(valid_label(head + "a"), a);
}

TEST(ValidLabel, HasAHashThatIsTheSameInEveryVersion) {
  EXPECT_EQ(valid_label(std::string(600, 'a')).substr(495), "~23a5c31121d69d9d");
}

TEST(ValidLabel, CutsBetweenCodePoints) {
  for (std::size_t shift = 0; shift < 4; ++shift) {
    std::string text(shift, 'x');
    while (text.size() <= max_label_size) text += "\xF0\x9F\x90\xA7";
    const auto label = valid_label(text);
    EXPECT_LE(label.size(), max_label_size);
    EXPECT_GT(label.size(), max_label_size - 4);
    EXPECT_EQ(repaired(label), label) << "shift " << shift;
  }
}

TEST(ValidLabel, CutsWhatOnlyRepairMadeTooLong) {
  const std::string bytes(200, '\xFF');  // 600 bytes once repaired
  const auto label = valid_label(bytes);
  EXPECT_LE(label.size(), max_label_size);
  EXPECT_EQ(repaired(label), label);
  EXPECT_NE(label, valid_label(std::string(201, '\xFF')));
  EXPECT_NE(label, valid_label(std::string(200, '\xFE')));
}

TEST(ValidLabel, TakesMegabytes) {
  EXPECT_EQ(valid_label(std::string(4u << 20, '\xC3')).size(), max_label_size);
}

}  // namespace
}  // namespace memory_exporter
