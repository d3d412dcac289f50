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

Result<Entries> parse(std::string_view text) {
  Entries entries;
  const auto walked = for_each_flat_keyed(text, [&](std::string_view field, std::uint64_t value) {
    entries.emplace_back(field, value);
  });
  if (!walked) return walked.error();
  return entries;
}

Entries parsed(std::string_view text) {
  auto entries = parse(text);
  EXPECT_TRUE(entries) << entries.error().message();
  return entries ? *entries : Entries{};
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

TEST(FlatKeyed, HasNoEntriesInAnEmptyText) {
  EXPECT_THAT(parsed(""), IsEmpty());
}

TEST(FlatKeyed, TakesTheLargestNumber) {
  EXPECT_THAT(parsed("a 18446744073709551615\n"), ElementsAre(Pair("a", UINT64_MAX)));
}

TEST(FlatKeyed, NamesTheLineThatHasNotItsForm) {
  for (const char* line :
       {"", "field", "field ", " 1", "field x", "field -1", "field 1 2", "field 1.0", "field max",
        "field 18446744073709551616", "field 99999999999999999999"}) {
    const auto entries = parse("first 1\n" + std::string(line) + "\n");
    ASSERT_FALSE(entries) << line;
    EXPECT_EQ(entries.error().kind, ErrorKind::malformed);
    EXPECT_EQ(entries.error().line, 2) << line;
  }
}

TEST(FlatKeyed, RefusesATextThatEndsWithinALine) {
  const std::string whole = "pgfault 2265064\npgmajfault 1289\n";
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_EQ(bool(parse(whole.substr(0, size))), whole[size - 1] == '\n') << size;
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
