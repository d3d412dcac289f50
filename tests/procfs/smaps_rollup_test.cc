#include "collectors/procfs/smaps_rollup.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/procfs/captures.h"

namespace memory_exporter::procfs {
namespace {

constexpr Bytes kib(std::uint64_t amount) {
  return Bytes::from_kib(amount);
}

struct Member {
  const char* name;
  OptionalBytes SmapsRollup::*pointer;
};

const Member members[] = {
    {"Rss", &SmapsRollup::resident},
    {"Pss", &SmapsRollup::pss},
    {"Pss_Dirty", &SmapsRollup::pss_dirty},
    {"Pss_Anon", &SmapsRollup::pss_anon},
    {"Pss_File", &SmapsRollup::pss_file},
    {"Pss_Shmem", &SmapsRollup::pss_shmem},
    {"Shared_Clean", &SmapsRollup::shared_clean},
    {"Shared_Dirty", &SmapsRollup::shared_dirty},
    {"Private_Clean", &SmapsRollup::private_clean},
    {"Private_Dirty", &SmapsRollup::private_dirty},
    {"Referenced", &SmapsRollup::referenced},
    {"Anonymous", &SmapsRollup::anonymous},
    {"KSM", &SmapsRollup::ksm},
    {"LazyFree", &SmapsRollup::lazy_free},
    {"AnonHugePages", &SmapsRollup::anon_huge},
    {"ShmemPmdMapped", &SmapsRollup::shmem_huge},
    {"FilePmdMapped", &SmapsRollup::file_huge},
    {"Shared_Hugetlb", &SmapsRollup::shared_hugetlb},
    {"Private_Hugetlb", &SmapsRollup::private_hugetlb},
    {"Swap", &SmapsRollup::swap},
    {"SwapPss", &SmapsRollup::swap_pss},
    {"Locked", &SmapsRollup::locked},
};

struct Capture {
  const char* name;
  const char* path;
  std::map<std::string, std::uint64_t> figures;  ///< by key; what is not in it must be absent
};

class SmapsRollupCapture : public testing::TestWithParam<Capture> {};

TEST_P(SmapsRollupCapture, ReadsEveryFieldAndInventsNone) {
  const auto rollup = parse_smaps_rollup(capture(GetParam().path));
  ASSERT_TRUE(rollup) << rollup.error().message();
  for (const auto& member : members) {
    const auto found = GetParam().figures.find(member.name);
    const bool printed = found != GetParam().figures.end();
    EXPECT_EQ((*rollup).*member.pointer, printed ? OptionalBytes(kib(found->second)) : std::nullopt)
        << member.name;
  }
}

const Capture captures[] = {
    {"linux_4_14",
     "linux-4.14/smaps_rollup",
     {{"Rss", 6124},
      {"Pss", 1655},
      {"Shared_Clean", 4708},
      {"Shared_Dirty", 4},
      {"Private_Clean", 392},
      {"Private_Dirty", 1020},
      {"Referenced", 5988},
      {"Anonymous", 1020},
      {"LazyFree", 0},
      {"AnonHugePages", 0},
      {"ShmemPmdMapped", 0},
      {"Shared_Hugetlb", 0},
      {"Private_Hugetlb", 0},
      {"Swap", 28},
      {"SwapPss", 24},
      {"Locked", 0}}},
    {"linux_5_10",
     "linux-5.10/smaps_rollup",
     {{"Rss", 1676},
      {"Pss", 1673},
      {"Pss_Anon", 208},
      {"Pss_File", 1},
      {"Pss_Shmem", 1464},
      {"Shared_Clean", 4},
      {"Shared_Dirty", 0},
      {"Private_Clean", 0},
      {"Private_Dirty", 1672},
      {"Referenced", 1676},
      {"Anonymous", 208},
      {"LazyFree", 0},
      {"AnonHugePages", 0},
      {"ShmemPmdMapped", 0},
      {"FilePmdMapped", 0},
      {"Shared_Hugetlb", 0},
      {"Private_Hugetlb", 4096},
      {"Swap", 0},
      {"SwapPss", 0},
      {"Locked", 64}}},
    {"linux_6_1", "linux-6.1/smaps_rollup", {{"Rss", 1672},         {"Pss", 1669},
                                             {"Pss_Dirty", 1664},   {"Pss_Anon", 208},
                                             {"Pss_File", 5},       {"Pss_Shmem", 1456},
                                             {"Shared_Clean", 4},   {"Shared_Dirty", 0},
                                             {"Private_Clean", 4},  {"Private_Dirty", 1664},
                                             {"Referenced", 1672},  {"Anonymous", 208},
                                             {"LazyFree", 0},       {"AnonHugePages", 0},
                                             {"ShmemPmdMapped", 0}, {"FilePmdMapped", 0},
                                             {"Shared_Hugetlb", 0}, {"Private_Hugetlb", 4096},
                                             {"Swap", 0},           {"SwapPss", 0},
                                             {"Locked", 64}}},
    {"linux_6_12", "linux-6.12/smaps_rollup", {{"Rss", 1620},
                                               {"Pss", 1617},
                                               {"Pss_Dirty", 1612},
                                               {"Pss_Anon", 212},
                                               {"Pss_File", 5},
                                               {"Pss_Shmem", 1400},
                                               {"Shared_Clean", 4},
                                               {"Shared_Dirty", 0},
                                               {"Private_Clean", 4},
                                               {"Private_Dirty", 1612},
                                               {"Referenced", 1620},
                                               {"Anonymous", 212},
                                               {"KSM", 0},
                                               {"LazyFree", 0},
                                               {"AnonHugePages", 0},
                                               {"ShmemPmdMapped", 0},
                                               {"FilePmdMapped", 0},
                                               {"Shared_Hugetlb", 0},
                                               {"Private_Hugetlb", 4096},
                                               {"Swap", 0},
                                               {"SwapPss", 0},
                                               {"Locked", 64}}},
    {"linux_6_18", "linux-6.18/smaps_rollup", {{"Rss", 1760},
                                               {"Pss", 303},
                                               {"Pss_Dirty", 276},
                                               {"Pss_Anon", 216},
                                               {"Pss_File", 47},
                                               {"Pss_Shmem", 40},
                                               {"Shared_Clean", 1480},
                                               {"Shared_Dirty", 0},
                                               {"Private_Clean", 4},
                                               {"Private_Dirty", 276},
                                               {"Referenced", 1760},
                                               {"Anonymous", 216},
                                               {"KSM", 0},
                                               {"LazyFree", 0},
                                               {"AnonHugePages", 0},
                                               {"ShmemPmdMapped", 0},
                                               {"FilePmdMapped", 0},
                                               {"Shared_Hugetlb", 0},
                                               {"Private_Hugetlb", 4096},
                                               {"Swap", 0},
                                               {"SwapPss", 0},
                                               {"Locked", 64}}},
};

INSTANTIATE_TEST_SUITE_P(Kernels, SmapsRollupCapture, testing::ValuesIn(captures),
                         [](const auto& given) { return std::string(given.param.name); });

TEST(ParseSmapsRollup, LeavesEverythingAbsentForAProcessWithoutMemory) {
  const auto rollup = parse_smaps_rollup("");
  ASSERT_TRUE(rollup);
  for (const auto& member : members) EXPECT_FALSE((*rollup).*member.pointer) << member.name;
  EXPECT_FALSE(rollup->uss());
}

TEST(ParseSmapsRollup, AddsUssUpOnlyFromBothOfItsParts) {
  EXPECT_EQ(parse_smaps_rollup("Private_Clean: 4 kB\nPrivate_Dirty: 8 kB\n")->uss(), kib(12));
  EXPECT_FALSE(parse_smaps_rollup("Private_Clean: 4 kB\n")->uss());
  EXPECT_FALSE(parse_smaps_rollup("Private_Dirty: 4 kB\n")->uss());
}

TEST(ParseSmapsRollup, AddsTheEntriesOfASmapsUpToWithinOneKibAnEntry) {
  // Each entry's PSS is cut off to whole KiB; 6.12 has 41 of them. Everything else is exact.
  const auto whole = parse_smaps_rollup(capture("linux-6.12/smaps_rollup"));
  const auto summed = parse_smaps_rollup(capture("linux-6.12/smaps"));
  ASSERT_TRUE(whole);
  ASSERT_TRUE(summed);
  EXPECT_LE(*summed->pss, *whole->pss);
  EXPECT_GE(*summed->pss + kib(41), *whole->pss);
  EXPECT_EQ(summed->resident, whole->resident);
  EXPECT_EQ(summed->uss(), whole->uss());
  EXPECT_EQ(summed->private_hugetlb, whole->private_hugetlb);
  EXPECT_EQ(summed->locked, whole->locked);
  EXPECT_FALSE(summed->pss_anon);
}

TEST(ParseSmapsRollup, IsNotFooledByAPath) {
  // A path follows the device's colon, and the kernel escapes a newline in it.
  const auto rollup = parse_smaps_rollup(
      "7f00-7f01 r--p 00000000 fe:00 5   /tmp/Rss: 9 kB\nRss: 4 kB\nVmFlags: rd mr mw me\n");
  ASSERT_TRUE(rollup) << rollup.error().message();
  EXPECT_EQ(rollup->resident, kib(4));
}

TEST(ParseSmapsRollup, NamesTheLineOfAValueOfAnotherForm) {
  for (const std::string bad : {"Pss:\n", "Pss: x kB\n", "Pss: 5\n", "Pss: 5 B\n", "Pss: -5 kB\n",
                                "Pss: 5 kB 6\n", "Pss: 99999999999999999999 kB\n"}) {
    const auto rollup = parse_smaps_rollup("1-2 ---p 0 00:00 0 [rollup]\n" + bad);
    ASSERT_FALSE(rollup) << bad;
    EXPECT_EQ(rollup.error().kind, ErrorKind::malformed);
    EXPECT_EQ(rollup.error().line, 2);
  }
}

TEST(ParseSmapsRollup, LeavesAbsentWhatHasAnotherFormAndKeepsTheRest) {
  Skipped skipped;
  const auto rollup = parse_smaps_rollup(
      "Rss: 9 kB\nPss: 5 kB\nReferenced: -1 kB\nReferenced: 4 kB\nPrivate_Clean: 1\n", &skipped);
  ASSERT_TRUE(rollup);
  EXPECT_EQ(skipped.lines, 2u);
  EXPECT_EQ(skipped.first, 3);
  EXPECT_EQ(rollup->pss, kib(5));
  EXPECT_FALSE(rollup->referenced || rollup->private_clean);
}

TEST(ParseSmapsRollup, KnowsNoSumOfWhichNoMachineCanHoldAnEntryOrTheWhole) {
  const auto entry = parse_smaps_rollup(
      "Rss: 1 kB\nSwap: 18014398504239104 kB\nRss: 1 kB\nSwap: 2 kB\nRss: 1 kB\n");
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->resident, kib(3));
  EXPECT_FALSE(entry->swap);
  const auto whole =
      parse_smaps_rollup("Rss: 70368744177664 kB\nPss: 1 kB\nRss: 1 kB\nPss: 1 kB\nRss: 1 kB\n");
  ASSERT_TRUE(whole);
  EXPECT_FALSE(whole->resident);
  EXPECT_EQ(whole->pss, kib(2));
}

TEST(ParseSmapsRollup, RefusesATextCutInsideAnyLine) {
  const auto text = capture("linux-6.18/smaps_rollup");
  const auto header = text.find('\n') + 1;  // without a figure, which is refused as well
  for (std::size_t size = 1; size < text.size(); ++size) {
    EXPECT_EQ(parse_smaps_rollup(text.substr(0, size)).ok(),
              text[size - 1] == '\n' && size != header)
        << "cut to " << size;
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
