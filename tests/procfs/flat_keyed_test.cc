#include "collectors/procfs/flat_keyed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/procfs/vmstat_captures.h"

namespace memory_exporter::procfs {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using Entries = std::vector<std::pair<std::string, std::uint64_t>>;

Parsed<Entries> parse(std::string_view text, bool wanted = true) {
  Entries entries;
  const auto skipped =
      for_each_flat_keyed(text, [&](std::string_view field, std::optional<std::uint64_t> value) {
        if (value) entries.emplace_back(field, *value);
        return wanted;
      });
  return {entries, skipped};
}

Entries parsed(std::string_view text) {
  auto entries = parse(text);
  EXPECT_FALSE(entries.skipped) << entries.skipped.error().message();
  return *entries;
}

TEST(FlatKeyed, ReadsVmstatOfKernel414) {
  const auto entries = parsed(testdata::vmstat_4_14);
  EXPECT_THAT(entries,
              AllOf(Contains(Pair("workingset_refault", 4831021)),
                    Contains(Pair("allocstall_movable", 1187)), Contains(Pair("swap_ra_hit", 33))));
}

TEST(FlatKeyed, ReadsVmstatOfARealMachine) {
  const auto entries = parsed(testdata::vmstat_6_18);
  EXPECT_EQ(entries.size(), 192u);
  EXPECT_THAT(entries,
              AllOf(Contains(Pair("nr_free_pages", 996964)), Contains(Pair("pgfault", 12606981)),
                    Contains(Pair("nr_unstable", 0))));
}

TEST(FlatKeyed, ReadsACgroupsFiles) {
  EXPECT_THAT(parsed("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"),
              ElementsAre(Pair("oom_kill_disable", 0), Pair("under_oom", 0), Pair("oom_kill", 3)));
}

TEST(FlatKeyed, SaysThatAFileIsEmpty) {
  EXPECT_THAT(*parse(""), IsEmpty());
  EXPECT_EQ(parse("").skipped.error().message(), "expected lines, the file is empty");
}

TEST(FlatKeyed, TakesTheLargestNumber) {
  EXPECT_THAT(parsed("a 18446744073709551615\n"), ElementsAre(Pair("a", UINT64_MAX)));
}

TEST(FlatKeyed, SkipsALineOfAnotherFormWhereSomebodyWantsTheField) {
  for (const char* line :
       {"field", "field ", "field x", "field -1", "field 1 2", "field 1.0", "field max",
        "field 18446744073709551616", "field 99999999999999999999"}) {
    const auto text = "first 1\n" + std::string(line) + "\nlast 2\n";
    const auto entries = parse(text);
    EXPECT_EQ(entries.skipped.lines, 1u) << line;
    EXPECT_EQ(entries.skipped.error().line, 2) << line;
    EXPECT_THAT(*entries, ElementsAre(Pair("first", 1), Pair("last", 2))) << line;
    EXPECT_FALSE(parse(text, false).skipped) << line;
  }
  EXPECT_EQ(parse("a -1\nb x\nc 1\n").skipped.lines, 2u);
}

TEST(FlatKeyed, PassesOverAnEmptyLine) {
  EXPECT_THAT(parsed("a 1\n\n \nb 2\n"), ElementsAre(Pair("a", 1), Pair("b", 2)));
}

TEST(FlatKeyed, LosesOnlyTheLineThatATextEndsWithin) {
  const std::string whole = "pgfault 2265064\npgmajfault 1289\n";
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const auto cut = parse(whole.substr(0, size), false);
    EXPECT_EQ(cut.skipped.lines, whole[size - 1] == '\n' ? 0u : 1u) << size;
    EXPECT_EQ(cut->size(), size >= whole.find('\n') + 1 ? 1u : 0u) << size;
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
