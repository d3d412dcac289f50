#include "collectors/procfs/status.h"

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
  OptionalBytes ProcessStatus::*pointer;
};

const Member members[] = {
    {"VmPeak", &ProcessStatus::virtual_peak},
    {"VmSize", &ProcessStatus::virtual_size},
    {"VmLck", &ProcessStatus::locked},
    {"VmPin", &ProcessStatus::pinned},
    {"VmHWM", &ProcessStatus::resident_peak},
    {"VmRSS", &ProcessStatus::resident},
    {"RssAnon", &ProcessStatus::resident_anon},
    {"RssFile", &ProcessStatus::resident_file},
    {"RssShmem", &ProcessStatus::resident_shmem},
    {"VmData", &ProcessStatus::data},
    {"VmStk", &ProcessStatus::stack},
    {"VmExe", &ProcessStatus::text},
    {"VmLib", &ProcessStatus::library},
    {"VmPTE", &ProcessStatus::page_tables},
    {"VmSwap", &ProcessStatus::swap},
};

struct Capture {
  const char* name;
  const char* path;
  std::map<std::string, std::uint64_t> figures;  ///< by key; what is not in it must be absent
};

class StatusCapture : public testing::TestWithParam<Capture> {};

TEST_P(StatusCapture, ReadsEveryField) {
  const auto status = parse_status(capture(GetParam().path));
  ASSERT_TRUE(status) << status.error().message();
  const auto expected = [](const char* key) -> std::optional<std::uint64_t> {
    const auto found = GetParam().figures.find(key);
    return found == GetParam().figures.end() ? std::nullopt : std::optional(found->second);
  };
  for (const auto& member : members) {
    const auto amount = expected(member.name);
    EXPECT_EQ((*status).*member.pointer, amount ? OptionalBytes(kib(*amount)) : std::nullopt)
        << member.name;
  }
  EXPECT_EQ(status->uid, expected("Uid"));
  EXPECT_EQ(status->threads, expected("Threads"));
}

const Capture captures[] = {
    {"linux_4_14",
     "linux-4.14/status",
     {{"VmPeak", 72300},
      {"VmSize", 72296},
      {"VmLck", 0},
      {"VmPin", 0},
      {"VmHWM", 6128},
      {"VmRSS", 6124},
      {"RssAnon", 1020},
      {"RssFile", 5100},
      {"RssShmem", 4},
      {"VmData", 1072},
      {"VmStk", 132},
      {"VmExe", 768},
      {"VmLib", 8880},
      {"VmPTE", 148 + 12},  // VmPMD
      {"VmSwap", 24},
      {"Uid", 1001},
      {"Threads", 1}}},
    {"linux_5_10",
     "linux-5.10/status",
     {{"VmPeak", 24156},
      {"VmSize", 24156},
      {"VmLck", 64},
      {"VmPin", 0},
      {"VmHWM", 1588},
      {"VmRSS", 1588},
      {"RssAnon", 124},
      {"RssFile", 4},
      {"RssShmem", 1460},
      {"VmData", 18752},
      {"VmStk", 132},
      {"VmExe", 4},
      {"VmLib", 1528},
      {"VmPTE", 52},
      {"VmSwap", 0},
      {"Uid", 0},
      {"Threads", 3}}},
    {"linux_6_1",
     "linux-6.1/status",
     {{"VmPeak", 24156},
      {"VmSize", 24156},
      {"VmLck", 64},
      {"VmPin", 0},
      {"VmHWM", 1608},
      {"VmRSS", 1608},
      {"RssAnon", 148},
      {"RssFile", 4},
      {"RssShmem", 1456},
      {"VmData", 18752},
      {"VmStk", 132},
      {"VmExe", 4},
      {"VmLib", 1528},
      {"VmPTE", 56},
      {"VmSwap", 0},
      {"Uid", 0},
      {"Threads", 3}}},
    {"linux_6_12",
     "linux-6.12/status",
     {{"VmPeak", 24156},
      {"VmSize", 24156},
      {"VmLck", 64},
      {"VmPin", 0},
      {"VmHWM", 1620},
      {"VmRSS", 1620},
      {"RssAnon", 212},
      {"RssFile", 8},
      {"RssShmem", 1400},
      {"VmData", 18752},
      {"VmStk", 132},
      {"VmExe", 4},
      {"VmLib", 1528},
      {"VmPTE", 52},
      {"VmSwap", 0},
      {"Uid", 0},
      {"Threads", 3}}},
    {"linux_6_18",
     "linux-6.18/status",
     {{"VmPeak", 24160},
      {"VmSize", 24160},
      {"VmLck", 64},
      {"VmPin", 0},
      {"VmHWM", 1760},
      {"VmRSS", 1760},
      {"RssAnon", 216},
      {"RssFile", 1504},
      {"RssShmem", 40},
      {"VmData", 18752},
      {"VmStk", 132},
      {"VmExe", 4},
      {"VmLib", 1528},
      {"VmPTE", 60},
      {"VmSwap", 0},
      {"Uid", 0},
      {"Threads", 3}}},
    {"linux_6_18_kernel_thread", "linux-6.18/kthreadd/status", {{"Uid", 0}, {"Threads", 1}}},
    {"linux_5_10_kernel_thread", "linux-5.10/kthreadd/status", {{"Uid", 0}, {"Threads", 1}}},
};

INSTANTIATE_TEST_SUITE_P(Kernels, StatusCapture, testing::ValuesIn(captures),
                         [](const auto& given) { return std::string(given.param.name); });

TEST(ParseStatus, LeavesEverythingAbsentThatIsNotThere) {
  for (const char* text : {"", "\n", "Name:\tx\n", "no colon\n", "VmRss:\t1 kB\nVmRSSx:\t1 kB\n"}) {
    const auto status = parse_status(text);
    ASSERT_TRUE(status) << text;
    for (const auto& member : members) EXPECT_FALSE((*status).*member.pointer) << member.name;
    EXPECT_FALSE(status->uid);
    EXPECT_FALSE(status->threads);
  }
}

TEST(ParseStatus, ReadsWhatTellsWhetherAThreadHasRun) {
  const auto status = parse_status(
      "State:\tS (sleeping)\nPPid:\t7\nvoluntary_ctxt_switches:\t30\n"
      "nonvoluntary_ctxt_switches:\t12\n");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->state, 'S');
  EXPECT_EQ(status->parent, 7);
  EXPECT_EQ(status->switches, 42u);
  EXPECT_FALSE(parse_status("")->switches);
  EXPECT_FALSE(parse_status("")->parent);
}

TEST(ParseStatus, CountsSleepAndStopAsRest) {
  for (const std::string state : {"S (sleeping)", "D (disk sleep)", "T (stopped)", "t (tracing)"}) {
    EXPECT_TRUE(parse_status("State:\t" + state + "\n")->is_resting()) << state;
  }
  for (const std::string state : {"R (running)", "Z (zombie)", "X (dead)", "I (idle)"}) {
    EXPECT_FALSE(parse_status("State:\t" + state + "\n")->is_resting()) << state;
  }
  EXPECT_FALSE(parse_status("")->is_resting());
}

TEST(ParseStatus, ReadsFieldsInAnyOrder) {
  const auto status = parse_status("VmSwap:\t3 kB\nVmPeak:\t1 kB\nVmSize:\t2 kB\n");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->swap, kib(3));
  EXPECT_EQ(status->virtual_peak, kib(1));
  EXPECT_EQ(status->virtual_size, kib(2));
}

TEST(ParseStatus, IsNotFooledByTheName) {
  using namespace std::string_view_literals;
  // The kernel escapes newline and backslash in the name, and nothing else.
  const auto status = parse_status("Name:\tVmRSS:\\n 9 kB\nVmRSS:\t     5 kB\n");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->resident, kib(5));
  EXPECT_TRUE(parse_status("Name:\t\xff\xfe\0)\nVmRSS:\t5 kB\n"sv));
}

TEST(ParseStatus, LeavesAFigureThatWrappedBelowZeroAbsent) {
  // VmLib as kernels before 4.15 compute it, text larger than the executable mappings.
  const auto status =
      parse_status("VmExe:\t     132 kB\nVmLib:\t18446744073709551612 kB\nVmPTE:\t      40 kB\n");
  ASSERT_TRUE(status) << status.error().message();
  EXPECT_EQ(status->text, kib(132));
  EXPECT_FALSE(status->library);
  EXPECT_EQ(status->page_tables, kib(40));
}

TEST(ParseStatus, LeavesAFigureThatWrappedBelowZeroIn32BitsAbsent) {
  const auto status =
      parse_status("VmSize:\t   23400 kB\nVmExe:\t     132 kB\nVmLib:\t4294967292 kB\n");
  ASSERT_TRUE(status);
  EXPECT_FALSE(status->library);
  EXPECT_EQ(status->text, kib(132));
}

TEST(ParseStatus, ReadsMoreAddressSpaceThanAnyMachineHasMemory) {
  const auto status = parse_status(
      "VmPeak:\t18014398504239104 kB\nVmSize:\t140737488355324 kB\n"
      "VmRSS:\t140737488355324 kB\nVmSwap:\t9007199254740988 kB\n");
  ASSERT_TRUE(status);
  EXPECT_FALSE(status->virtual_peak);
  EXPECT_EQ(status->virtual_size, kib(140737488355324));
  EXPECT_FALSE(status->resident);
  EXPECT_FALSE(status->swap);
}

TEST(ParseStatus, AddsTheTablesOfTheSecondLevelThatKernels40To414CountApart) {
  EXPECT_EQ(parse_status("VmPTE:\t      40 kB\nVmPMD:\t      12 kB\n")->page_tables, kib(52));
  EXPECT_EQ(parse_status("VmPTE:\t      40 kB\n")->page_tables, kib(40));
  EXPECT_FALSE(parse_status("VmPMD:\t      12 kB\n")->page_tables);
  EXPECT_FALSE(parse_status("VmPTE:\t      40 kB\nVmPMD:\t18014398509481980 kB\n")->page_tables);
}

TEST(ParseStatus, LeavesAbsentWhatHasAnotherFormAndKeepsTheRest) {
  for (const std::string bad : {"VmRSS:\t\n",
                                "VmRSS:\tx kB\n",
                                "VmRSS:\t5\n",
                                "VmRSS:\t5 MB\n",
                                "VmRSS:\t-5 kB\n",
                                "VmRSS:\t5 kB more\n",
                                "VmRSS:\t99999999999999999999 kB\n",
                                "Threads:\t\n",
                                "Threads:\tx\n",
                                "Threads:\t99999999999999999999\n",
                                "Uid:\t\n",
                                "Uid:\t0\n",
                                "Uid:\tx\t0\n",
                                "Uid:\t0\tx\n",
                                "State:\t\n",
                                "State:\tsleeping\n",
                                "PPid:\t\n",
                                "PPid:\tx\n",
                                "voluntary_ctxt_switches:\t\n",
                                "nonvoluntary_ctxt_switches:\tx\n"}) {
    Skipped skipped;
    const auto status = parse_status("Name:\tx\n" + bad + "VmSize:\t 9 kB\n", &skipped);
    ASSERT_TRUE(status) << bad;
    EXPECT_EQ(skipped.lines, 1u) << bad;
    EXPECT_EQ(skipped.first, 2) << bad;
    EXPECT_EQ(status->virtual_size, kib(9)) << bad;
    EXPECT_FALSE(status->resident || status->threads || status->uid || status->parent) << bad;
    EXPECT_FALSE(status->switches) << bad;
    EXPECT_EQ(status->state, '?') << bad;
  }
}

TEST(ParseStatus, KnowsNoSumWithoutOneOfItsParts) {
  EXPECT_FALSE(
      parse_status("voluntary_ctxt_switches:\t5\nnonvoluntary_ctxt_switches:\tx\n")->switches);
  EXPECT_FALSE(parse_status("VmPTE:\t 40 kB\nVmPMD:\t -1 kB\n")->page_tables);
  const auto split =
      parse_status("VmRSS:\t 10 kB\nRssAnon:\t 3 kB\nRssFile:\t 5 kB\nRssShmem:\t -2 kB\n");
  EXPECT_EQ(split->resident_unsplit, kib(10));
  EXPECT_FALSE(split->resident_anon);
}

TEST(ParseStatus, RefusesATextCutInsideAnyLine) {
  const auto text = capture("linux-6.18/status");
  for (std::size_t size = 1; size < text.size(); ++size) {
    EXPECT_EQ(parse_status(text.substr(0, size)).ok(), text[size - 1] == '\n') << "cut to " << size;
  }
}

constexpr std::string_view whole_split =
    "VmRSS:\t 1000 kB\nRssAnon:\t 300 kB\nRssFile:\t 500 kB\nRssShmem:\t 200 kB\n";

TEST(ParseStatus, WithoutTheWholeSplitTheResidentSetHasNoParts) {
  for (const char* text : {"VmRSS:\t 1000 kB\n", "VmRSS:\t 1000 kB\nRssAnon:\t 300 kB\n",
                           "VmRSS:\t 1000 kB\nRssAnon:\t 300 kB\nRssFile:\t 500 kB\n"}) {
    const auto status = parse_status(text);
    ASSERT_TRUE(status);
    EXPECT_EQ(status->resident, kib(1000));
    EXPECT_EQ(status->resident_unsplit, kib(1000)) << text;
    EXPECT_EQ(status->resident_anon, std::nullopt) << text;
    EXPECT_EQ(status->resident_file, std::nullopt) << text;
  }
  const auto split = parse_status(whole_split);
  ASSERT_TRUE(split);
  EXPECT_EQ(split->resident_unsplit, std::nullopt);
  EXPECT_EQ(split->resident_shmem, kib(200));
}

TEST(ParseStatus, AMissingResidentSetIsTheSumOfItsParts) {
  const auto status = parse_status(whole_split.substr(whole_split.find("RssAnon")));
  ASSERT_TRUE(status);
  EXPECT_EQ(status->resident, kib(1000));
}

TEST(AddStatus, EveryPageIsInOneKindOnly) {
  const auto split = parse_status(whole_split);
  const auto unsplit = parse_status("VmRSS:\t 70 kB\n");
  ProcessStatus sum;
  for (const auto* each : {&*split, &*unsplit, &*unsplit}) add(sum, *each);
  EXPECT_EQ(sum.resident, kib(1140));
  EXPECT_EQ(sum.resident_unsplit, kib(140));
  EXPECT_EQ(*sum.resident_anon + *sum.resident_file + *sum.resident_shmem + *sum.resident_unsplit,
            *sum.resident);
  ProcessStatus of_sums;
  add(of_sums, sum);
  EXPECT_EQ(of_sums.resident_unsplit, kib(140));
}

TEST(ParseStatus, TellsWhetherItKnowsOfMemory) {
  EXPECT_FALSE(parse_status("Name:\tx\nThreads:\t1\n")->has_memory());
  EXPECT_FALSE(parse_status("")->has_memory());
  for (const char* line : {"VmSize:\t 1 kB\n", "VmRSS:\t 0 kB\n", "VmData:\t 1 kB\n"}) {
    EXPECT_TRUE(parse_status(line)->has_memory()) << line;
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
