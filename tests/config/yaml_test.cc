#include "config/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace memory_exporter::config {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string mistake_in(std::string_view text) {
  const auto root = read_yaml(text);
  return root.ok() ? "no mistake found" : root.error().message();
}

std::string repeated(std::string_view part, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += part;
  return text;
}

Node read(std::string_view text) {
  auto root = read_yaml(text);
  EXPECT_TRUE(root.ok()) << (root.ok() ? "" : root.error().message());
  return root.ok() ? *root : Node{};
}

constexpr std::size_t mebibyte = 1 << 20;

TEST(Yaml, SaysWhatStandsWhere) {
  const auto root = read("pss:\n  wait: 1s\nlist: [a, {b: ~}]\n");
  ASSERT_EQ(root.kind, Node::Kind::block);
  ASSERT_EQ(root.keys.size(), 2u);
  EXPECT_EQ(root.keys[0].text, "pss");
  const auto& wait = root.items[0].items[0];
  EXPECT_EQ(wait.text, "1s");
  EXPECT_EQ(wait.place.line, 2);
  EXPECT_EQ(wait.place.column, 9);
  const auto& list = root.items[1];
  ASSERT_EQ(list.kind, Node::Kind::list);
  EXPECT_EQ(list.items[0].text, "a");
  EXPECT_EQ(list.items[1].items[0].kind, Node::Kind::empty);
}

TEST(Yaml, TakesAByteOrderMarkAndAnyEndOfLine) {
  for (const auto* text : {"\xEF\xBB\xBF"
                           "a: b\nc: d\n",
                           "a: b\r\nc: d\r\n"}) {
    const auto root = read(text);
    ASSERT_EQ(root.items.size(), 2u) << text;
    EXPECT_EQ(root.items[0].text, "b");
    EXPECT_EQ(root.items[1].text, "d");
  }
}

TEST(Yaml, QuotedNullIsAWord) {
  EXPECT_EQ(read("a: 'null'\n").items[0].kind, Node::Kind::scalar);
  EXPECT_EQ(read("a: null\n").items[0].kind, Node::Kind::empty);
}

/// yaml-cpp's own LoadAll() never comes to an end of these.
TEST(Yaml, ASignThatBelongsNowhereIsAMistakeAndNoEndlessText) {
  EXPECT_EQ(mistake_in(",\n"), ":1:1: not valid YAML: \",\" belongs to no list or block here");
  EXPECT_EQ(mistake_in("{a: b},\n"),
            ":1:7: not valid YAML: \",\" belongs to no list or block here");
  EXPECT_EQ(mistake_in("a: b\n...\n,\n"),
            ":3:1: not valid YAML: \",\" belongs to no list or block here");
  for (const auto* text : {"]\n", "}\n", ", a\n", "[a],\n", "[a]]\n", "{a: b}}\n", "- a\n,\n",
                           "\"a\",\n", "---\n,\n", "a: b\n---\n,\n", "*a ,\n", "&a ,\n", "!t ,\n",
                           "%YAML 1.2\n---\n,", "# x\n]\n", "pss:\n  wait: 1s\n,\n"}) {
    EXPECT_THAT(mistake_in(text), StartsWith(":")) << text;
  }
}

TEST(Yaml, ASecondDocumentIsAMistakeAtItsPlace) {
  EXPECT_EQ(mistake_in("a: b\n---\nc: d\n"),
            ":3:1: a second document starts here, and only one is read");
  EXPECT_THAT(mistake_in("a: b\n...\nc: d\n"), StartsWith(":3:1: a second document"));
  EXPECT_THAT(mistake_in("---\n---\n"), HasSubstr("a second document"));
  EXPECT_EQ(read("---\na: b\n...\n").items[0].text, "b");
}

TEST(Yaml, AMistakeNamesTheKeyThatWasBeingRead) {
  EXPECT_THAT(mistake_in("pss:\n  wait: [1s\n"), StartsWith(":3:1: pss.wait: not valid YAML: "));
  EXPECT_THAT(mistake_in("pss: \"\\q\"\n"), HasSubstr(": pss: not valid YAML: "));
}

TEST(Yaml, ATabInTheIndentationIsCalledThat) {
  for (const auto* text : {"\tpss: 1\n", "pss:\n\twait: 1s\n", "pss:\n  a: b\n \twait: 1s\n"}) {
    EXPECT_THAT(mistake_in(text), HasSubstr("a tab indents this line: use blanks")) << text;
  }
}

TEST(Yaml, AnchorsAliasesAndTagsAreRefused) {
  EXPECT_EQ(mistake_in("a: &x [b]\nc: [*x, *x]\n"),
            ":1:4: a: has an anchor or alias (& or *), which is not read here: write the value "
            "itself, or put it in quotes");
  EXPECT_THAT(mistake_in("a: *.service\n"), HasSubstr("put it in quotes"));
  EXPECT_THAT(mistake_in("a: !!binary eA==\n"), HasSubstr("has a tag"));
  EXPECT_THAT(mistake_in("&x a: b\n"), HasSubstr("anchor"));
}

TEST(Yaml, TextThatIsNoUtf8IsAMistakeAtItsPlace) {
  EXPECT_EQ(mistake_in("a: b\nc: \xff\n"), ":2:4: not UTF-8");
  EXPECT_EQ(mistake_in(std::string("\xFF\xFE"
                                   "a\0:\0",
                                   6)),
            ":1:1: is UTF-16: save it as UTF-8");
  EXPECT_EQ(mistake_in(std::string("\0a\0:", 4)), ":1:1: is UTF-16: save it as UTF-8");
}

TEST(Yaml, AControlCharacterIsAMistakeAtItsPlace) {
  EXPECT_EQ(mistake_in(std::string("a: b\n\0", 6)),
            ":2:1: not valid YAML: the control character \\u0000");
  EXPECT_EQ(mistake_in("a: b\x04"), ":1:5: not valid YAML: the control character \\u0004");
  EXPECT_EQ(mistake_in("a: \x7f\n"), ":1:4: not valid YAML: the control character \\u007f");
  EXPECT_EQ(mistake_in("a: \xc2\x9b\n"), ":1:4: not valid YAML: the control character \\u009b");
}

TEST(Yaml, EveryBoundIsSaidToBeReached) {
  EXPECT_THAT(mistake_in(repeated("[", 33)), HasSubstr("more than 32 levels deep"));
  EXPECT_THAT(mistake_in(repeated("- ", 33)), HasSubstr("more than 32 levels deep"));
  EXPECT_THAT(mistake_in(repeated("- a\n", 10'001)), HasSubstr("more than 10000 values"));
  EXPECT_THAT(mistake_in(repeated("[", mebibyte)), HasSubstr("more than 50000 brackets"));
  EXPECT_THAT(mistake_in("a: " + repeated("x", mebibyte)), HasSubstr("is longer than 16 KiB"));
  EXPECT_THAT(mistake_in(repeated("x", 20'000) + ": a\n"), StartsWith(":1:"));
  EXPECT_EQ(read("a: " + repeated("[", 31) + repeated("]", 31)).items.size(), 1u);
  EXPECT_EQ(read("a: " + repeated("x", 16 * 1024)).items[0].text.size(), 16u * 1024);
}

/// Signs in comments are no values: a file may explain itself at length.
TEST(Yaml, CommentsMayHoldAnySigns) {
  EXPECT_EQ(read(repeated("# a, b: [c]\n", 40'000) + "a: b\n").items[0].text, "b");
}

/// Much of whatever is easy to make comes back at once, and in one line.
TEST(Yaml, NoLongTextEndsInAnythingButALine) {
  for (const auto* part :
       {"[",    "{",     "{a: ", "- ",    "? ",    "a: ",   ": \n", "a,",   ",",
        "\n",   " ",     "#",    "'",     "''",    "\\",    "!",    "&",    "*",
        "%",    "%A\n",  "|\n",  ">",     "- a\n", "[a]: ", "\t",   "\"\"", "[\n",
        "&a\n", "!<a> ", "-\n",  "---\n", "...\n", "@",     "`",    "\r"}) {
    for (const auto* front : {"", "a: ", "[", "{a: ", "a: |\n", "a: '"}) {
      const auto text = front + repeated(part, mebibyte / 16 / std::string_view(part).size());
      const auto message = mistake_in(text);
      EXPECT_EQ(message.find('\n'), std::string::npos) << front << part;
      EXPECT_LT(message.size(), 300u) << front << part;
    }
  }
}

}  // namespace
}  // namespace memory_exporter::config
