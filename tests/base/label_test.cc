#include "collectors/base/label.h"
#include "collectors/base/siphash.h"
#include "collectors/base/utf8.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

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

bool is_hashed(std::string_view label) {
  if (label.size() < 17 || label[label.size() - 17] != '~') return false;
  return label.find_first_not_of("0123456789abcdef", label.size() - 16) == std::string_view::npos;
}

TEST(ValidLabel, KeepsWhatIsTextAndFits) {
  for (const auto& name :
       {""s, "systemd"s, "a\"b\\c\nd"s, "\x1b[31mred"s, "\u202Eevil"s, "~0123456789abcde"s,
        "~0123456789abcdefg"s, "0123456789abcdef0"s, std::string(max_label_size, 'x')}) {
    EXPECT_EQ(valid_label(name), name);
    EXPECT_EQ(valid_label(valid_label(name)), name);
  }
}

TEST(ValidLabel, CutsALongValueToTheLimitWithAHashOfTheWhole) {
  const std::string head(max_label_size, 'x');
  const auto a = valid_label(head + "a");
  const auto b = valid_label(head + "b");
  EXPECT_EQ(a.size(), max_label_size);
  EXPECT_EQ(b.size(), max_label_size);
  EXPECT_NE(a, b);
  EXPECT_EQ(a.substr(0, 495), head.substr(0, 495));
  EXPECT_TRUE(is_hashed(a));
  EXPECT_EQ(valid_label(head + "a"), a);
}

TEST(ValidLabel, HasAHashThatIsTheSameInEveryVersion) {
  EXPECT_EQ(valid_label(std::string(600, 'a')).substr(495), "~79f8a8a90256cb00");
  EXPECT_EQ(valid_label("bad\xff"),
            "bad" + std::string(replacement_character) + "~18622e95a71fd812");
}

TEST(ValidLabel, TellsNamesApartThatRepairMakesAlike) {
  const auto a = valid_label("cgroup \xff");
  const auto b = valid_label("cgroup \xfe");
  EXPECT_NE(a, b);
  EXPECT_TRUE(a.starts_with(marked("cgroup ?~")));
  EXPECT_NE(a, valid_label(marked("cgroup ?")));
}

TEST(ValidLabel, NobodyCanSpellOutTheLabelOfAnother) {
  const std::string long_name(600, 'x');
  for (const auto& name : {"bad\xff"s, long_name, valid_label("bad\xff")}) {
    const auto label = valid_label(name);
    EXPECT_NE(valid_label(label), label);
    EXPECT_TRUE(is_hashed(valid_label(label)));
  }
  EXPECT_NE(valid_label("x~0123456789ABCDEF"), "x~0123456789ABCDEF");
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

/// A name of a few pieces that are likely to become alike: stray bytes, what stands for them, the
/// ends of labels, long runs.
std::string random_name(std::mt19937& random, const std::vector<std::string>& labels) {
  const auto below = [&](std::size_t n) { return random() % n; };
  std::string name;
  for (auto pieces = below(4) + 1; pieces > 0; --pieces) {
    switch (below(6)) {
      case 0:
        name += static_cast<char>(0x80 + below(0x80));
        break;
      case 1:
        name += replacement_character;
        break;
      case 2:
        name += std::string(below(3) * 250, 'x');
        break;
      case 3:
        if (!labels.empty()) name += labels[below(labels.size())];
        break;
      case 4:
        name += "~00000000000000" + std::to_string(10 + below(90));
        break;
      default:
        name += std::string(1, static_cast<char>(below(256)));
    }
  }
  return name;
}

TEST(ValidLabel, NoTwoNamesAreOne) {
  std::mt19937 random(20240611);
  std::map<std::string, std::string> names;  // by label
  std::vector<std::string> labels;
  for (int i = 0; i < 50'000; ++i) {
    const auto name = random_name(random, labels);
    const auto label = valid_label(name);
    ASSERT_LE(label.size(), max_label_size);
    ASSERT_EQ(repaired(label), label) << "not UTF-8";
    ASSERT_EQ(valid_label(name), label);
    ASSERT_TRUE(label == name || is_hashed(label));
    ASSERT_FALSE(label == name && is_hashed(name)) << "could be another's";
    const auto [entry, is_new] = names.emplace(label, name);
    ASSERT_EQ(entry->second, name) << label;
    if (is_new && labels.size() < 1000) labels.push_back(label);
  }
  EXPECT_GT(names.size(), 10'000u);
}

// The vectors of the reference implementation: key and text count up from 0.
TEST(Siphash, IsTheOneOfThePaper) {
  std::string text;
  EXPECT_EQ(siphash(text), 0x726fdb47dd0e0e31u);
  for (char c = 0; c < 15; ++c) text += c;
  EXPECT_EQ(siphash(text), 0xa129ca6149be45e5u);
  text.resize(8);
  EXPECT_EQ(siphash(text), 0x93f5f5799a932462u);
}

}  // namespace
}  // namespace memory_exporter
