#include "collectors/procfs/ksm_stat.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/procfs/captures.h"

namespace memory_exporter::procfs {
namespace {

TEST(ParseKsmStat, ReadsWhatEachKernelPrints) {
  const auto oldest = parse_ksm_stat(capture("linux-6.1/ksm_stat"));
  ASSERT_TRUE(oldest) << oldest.error().message();
  EXPECT_EQ(oldest->rmap_items, 0u);
  EXPECT_FALSE(oldest->merging_pages);
  EXPECT_FALSE(oldest->mergeable);

  const auto middle = parse_ksm_stat(capture("linux-6.12/ksm_stat"));
  ASSERT_TRUE(middle) << middle.error().message();
  EXPECT_EQ(middle->zero_pages, 0u);
  EXPECT_EQ(middle->merging_pages, 0u);
  EXPECT_EQ(middle->process_profit, 0);
  EXPECT_FALSE(middle->merge_any);

  // Here the kernel leaves the last newline out.
  const auto newest = parse_ksm_stat(capture("linux-6.18/ksm_stat"));
  ASSERT_TRUE(newest) << newest.error().message();
  EXPECT_EQ(newest->merging_pages, 0u);
  EXPECT_EQ(newest->merge_any, false);
  EXPECT_EQ(newest->mergeable, false);
}

TEST(ParseKsmStat, ReadsALossAndAYes) {
  const auto stat = parse_ksm_stat(
      "ksm_rmap_items 2560\nksm_zero_pages 12\nksm_merging_pages 18446744073709551615\n"
      "ksm_process_profit -163840\nksm_merge_any: yes\nksm_mergeable: yes");
  ASSERT_TRUE(stat) << stat.error().message();
  EXPECT_EQ(stat->rmap_items, 2560u);
  EXPECT_EQ(stat->zero_pages, 12u);
  EXPECT_EQ(stat->merging_pages, UINT64_MAX);
  EXPECT_EQ(stat->process_profit, -163840);
  EXPECT_EQ(stat->merge_any, true);
  EXPECT_EQ(stat->mergeable, true);
}

TEST(ParseKsmStat, LeavesAbsentWhatIsNotThere) {
  const auto stat = parse_ksm_stat("ksm_something_new 5\nksm_flag: maybe\n");
  ASSERT_TRUE(stat);
  EXPECT_FALSE(stat->rmap_items || stat->process_profit || stat->mergeable);
  EXPECT_TRUE(parse_ksm_stat(""));
}

TEST(ParseKsmStat, NamesTheLineOfAnotherForm) {
  for (const std::string bad :
       {"ksm_merging_pages\n", "ksm_merging_pages x\n", "ksm_merging_pages -1\n",
        "ksm_merging_pages 99999999999999999999\n", "ksm_process_profit --1\n",
        "ksm_mergeable: maybe\n", "ksm_merge_any:\n"}) {
    const auto stat = parse_ksm_stat("ksm_rmap_items 1\n" + bad);
    ASSERT_FALSE(stat) << bad;
    EXPECT_EQ(stat.error().kind, ErrorKind::malformed);
    EXPECT_EQ(stat.error().line, 2);
  }
}

TEST(ParseKsmStat, RefusesATextCutInsideAnyLine) {
  const auto text = capture("linux-6.18/ksm_stat");
  for (std::size_t size = 1; size < text.size(); ++size) {
    const bool behind_an_answer = text.substr(0, size).ends_with("no");
    EXPECT_EQ(parse_ksm_stat(text.substr(0, size)).ok(), text[size - 1] == '\n' || behind_an_answer)
        << "cut to " << size;
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
