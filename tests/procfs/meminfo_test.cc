#include "collectors/procfs/meminfo.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/procfs/meminfo_captures.h"

namespace memory_exporter::procfs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

constexpr Bytes kib(std::uint64_t amount) {
  return Bytes::from_kib(amount);
}

Meminfo parsed(std::string_view text) {
  auto meminfo = parse_meminfo(text);
  EXPECT_FALSE(meminfo.skipped) << meminfo.skipped.error().message();
  return *meminfo;
}

TEST(ParseMeminfo, ReadsKernel414WhichHasNeitherPercpuNorHugetlbTotals) {
  const auto meminfo = parsed(testdata::meminfo_4_14);
  EXPECT_THAT(meminfo.total, Optional(kib(8070232)));
  EXPECT_THAT(meminfo.hugepage_size, Optional(kib(2048)));
  EXPECT_THAT(meminfo.vmalloc_used, Optional(kib(0)));
  EXPECT_THAT(meminfo.huge_pages_total, Optional(0u));
  EXPECT_EQ(meminfo.kernel_reclaimable, std::nullopt);
  EXPECT_EQ(meminfo.percpu, std::nullopt);
  EXPECT_EQ(meminfo.hugetlb, std::nullopt);
  EXPECT_EQ(meminfo.file_huge_pages, std::nullopt);
  EXPECT_EQ(meminfo.zswap, std::nullopt);
  EXPECT_EQ(meminfo.cma_total, std::nullopt);
  EXPECT_THAT(meminfo.other, IsEmpty());
}

TEST(ParseMeminfo, ReadsHighmemOf32BitKernels) {
  const auto meminfo = parsed(testdata::meminfo_4_19_highmem);
  EXPECT_THAT(meminfo.low_total, Optional(kib(780000)));
  EXPECT_THAT(meminfo.high_total, Optional(kib(2057308 - 780000)));
  EXPECT_THAT(meminfo.cma_total, Optional(kib(65536)));
  EXPECT_EQ(meminfo.anon_huge_pages, std::nullopt);
  EXPECT_EQ(meminfo.hugepage_size, std::nullopt);
  EXPECT_EQ(meminfo.huge_pages_total, std::nullopt);
  EXPECT_THAT(meminfo.direct_map, IsEmpty());
  EXPECT_THAT(meminfo.other, IsEmpty());
}

TEST(ParseMeminfo, CountsHugePagesAsPagesAndTheirSizeInBytes) {
  const auto meminfo = parsed(testdata::meminfo_5_10);
  EXPECT_THAT(meminfo.huge_pages_total, Optional(16u));
  EXPECT_THAT(meminfo.huge_pages_free, Optional(12u));
  EXPECT_THAT(meminfo.huge_pages_reserved, Optional(2u));
  EXPECT_THAT(meminfo.huge_pages_surplus, Optional(0u));
  EXPECT_THAT(meminfo.hugepage_size, Optional(kib(2048)));
  EXPECT_THAT(meminfo.hugetlb, Optional(kib(16 * 2048)));
}

TEST(ParseMeminfo, KnowsEveryFieldOfEveryCapture) {
  for (const std::string_view text :
       {testdata::meminfo_4_14, testdata::meminfo_4_19_highmem, testdata::meminfo_5_10,
        testdata::meminfo_6_6, testdata::meminfo_6_18}) {
    EXPECT_THAT(parsed(text).other, IsEmpty());
  }
}

TEST(ParseMeminfo, ReadsARealMachine) {
  const auto meminfo = parsed(testdata::meminfo_6_18);
  EXPECT_THAT(meminfo.total, Optional(kib(24684092)));
  EXPECT_THAT(meminfo.available, Optional(kib(23701276)));
  EXPECT_THAT(meminfo.active_anon, Optional(kib(1620)));
  EXPECT_THAT(meminfo.slab_reclaimable, Optional(kib(95692)));
  EXPECT_THAT(meminfo.slab_unreclaimable, Optional(kib(26156)));
  EXPECT_THAT(meminfo.vmalloc_total, Optional(kib(34359738367)));
  EXPECT_THAT(meminfo.balloon, Optional(kib(0)));
  EXPECT_THAT(meminfo.direct_map,
              ElementsAre(NamedBytes{"4k", kib(30720)}, NamedBytes{"2M", kib(2066432)},
                          NamedBytes{"1G", kib(25165824)}));
  EXPECT_EQ(meminfo.used, std::nullopt);
  EXPECT_EQ(meminfo.unaccepted, std::nullopt);
}

TEST(ParseMeminfo, KeepsAmountsItHasNoNameFor) {
  const auto meminfo = parsed("MemTotal: 8 kB\nKgslCache: 4 kB\nFutureField(x):      12 kB\n");
  EXPECT_THAT(meminfo.other,
              ElementsAre(NamedBytes{"KgslCache", kib(4)}, NamedBytes{"FutureField(x)", kib(12)}));
}

TEST(ParseMeminfo, PassesOverHugePageCountsItHasNoNameFor) {
  const auto meminfo = parsed("MemTotal: 8 kB\nHugePages_New: 3\n");
  EXPECT_THAT(meminfo.other, IsEmpty());
  EXPECT_EQ(meminfo.huge_pages_total, std::nullopt);
}

TEST(ParseMeminfo, ReadsATextWithoutMemTotal) {
  EXPECT_THAT(parsed("MemFree: 8 kB\n").free, Optional(kib(8)));
  EXPECT_EQ(parsed("no colon anywhere\n").total, std::nullopt);
}

TEST(ParseMeminfo, SaysThatAFileIsEmpty) {
  const auto meminfo = parse_meminfo("");
  EXPECT_EQ(meminfo.skipped.lines, 1u);
  EXPECT_EQ(meminfo.skipped.error().message(), "expected lines, the file is empty");
}

TEST(ParseMeminfo, SkipsALineWhoseValueHasNotItsForm) {
  for (const char* value : {"", " kB", " 1x kB", " -1 kB", " 8", " 8 MB", " 8 kB 9",
                            " 18446744073709551616 kB", " 99999999999999999999 kB"}) {
    const auto text = "MemTotal: 8 kB\nMemFree:" + std::string(value) + "\nBuffers: 1 kB\n";
    const auto meminfo = parse_meminfo(text);
    EXPECT_EQ(meminfo.skipped.lines, 1u) << text;
    EXPECT_EQ(meminfo.skipped.first, 2) << text;
    EXPECT_THAT(meminfo->total, Optional(kib(8))) << text;
    EXPECT_EQ(meminfo->free, std::nullopt) << text;
    EXPECT_THAT(meminfo->buffers, Optional(kib(1))) << text;
  }
  for (const char* value : {"99999999999999999999", "-1", "1 2", "1 kB", "x", ""}) {
    const auto pages =
        parse_meminfo("MemTotal: 8 kB\nHugePages_Free: " + std::string(value) + "\n");
    EXPECT_EQ(pages.skipped.lines, 1u) << value;
    EXPECT_EQ(pages.skipped.first, 2) << value;
    EXPECT_EQ(pages->huge_pages_free, std::nullopt) << value;
  }
}

// Vendors' kernels print tables, counts and words of their own.
TEST(ParseMeminfo, PassesOverLinesOfAnotherFormThatItHasNoNameFor) {
  const auto meminfo = parsed(
      "        total:    used:    free:  shared: buffers:  cached:\n"
      "Mem:  8192000000 5120000000 3072000000        0  102400000 2560000000\n"
      "Swap: 2048000000 102400000 1945600000\n"
      "MemTotal: 8 kB\nVendorPages: 12\nDebt: -4 kB\nMode: eager\n:\n\n");
  EXPECT_THAT(meminfo.total, Optional(kib(8)));
  EXPECT_THAT(meminfo.other, IsEmpty());
}

TEST(ParseMeminfo, KeepsTheFirstOfAFieldPrintedTwice) {
  const auto meminfo = parsed(
      "MemTotal: 8 kB\nMemTotal: 9 kB\nNew: 1 kB\nNew: 2 kB\nDirectMap4k: 3 kB\n"
      "DirectMap4k: 4 kB\nHugePages_Total: 5\nHugePages_Total: 6\n");
  EXPECT_THAT(meminfo.total, Optional(kib(8)));
  EXPECT_THAT(meminfo.other, ElementsAre(NamedBytes{"New", kib(1)}));
  EXPECT_THAT(meminfo.direct_map, ElementsAre(NamedBytes{"4k", kib(3)}));
  EXPECT_THAT(meminfo.huge_pages_total, Optional(5u));
}

TEST(ParseMeminfo, TakesTheLargestAmountThatAMachineCanHold) {
  const auto meminfo = parsed("MemTotal: 70368744177664 kB\nMemFree: 70368744177665 kB\n");
  EXPECT_EQ(meminfo.total, kib(70368744177664));
  EXPECT_FALSE(meminfo.free);
}

TEST(ParseMeminfo, TakesAddressSpaceAndPromisesThatAreLargerThanAnyMemory) {
  const auto meminfo = parsed(
      "MemTotal: 8 kB\nCommitLimit: 140737488355328 kB\nCommitted_AS: 18014398509481980 kB\n"
      "VmallocTotal: 13743895347199 kB\n");
  EXPECT_EQ(meminfo.commit_limit, kib(140737488355328));
  EXPECT_FALSE(meminfo.committed_as);
  EXPECT_EQ(meminfo.vmalloc_total, kib(13743895347199));
}

// Below 0 in 32 bits, as kernels of 32 bits print a difference of pages.
TEST(ParseMeminfo, LeavesMoreFreeThanThereIsAbsent) {
  const auto meminfo = *parse_meminfo(
      "SwapTotal: 2000000 kB\nSwapFree: 4294967292 kB\nHighTotal: 8 kB\nHighFree: 8 kB\n"
      "LowFree: 4294967292 kB\nCmaTotal: 0 kB\nCmaFree: 4 kB\n");
  EXPECT_FALSE(meminfo.swap_free || meminfo.cma_free);
  EXPECT_EQ(meminfo.high_free, kib(8));
  EXPECT_TRUE(meminfo.low_free) << "nothing speaks against it";
}

// SwapFree as WSL printed it: -5 GiB, wrapped in bytes before they were divided.
TEST(ParseMeminfo, LeavesOutAnAmountThatWrappedInBytes) {
  const auto meminfo = parsed(
      "MemTotal: 8 kB\nSwapTotal: 2000000 kB\nSwapFree: 18014398504239104 kB\n"
      "DirectMap4k: 9007199254740988 kB\nNew: 9007199254740988 kB\n");
  EXPECT_EQ(meminfo.swap_total, kib(2000000));
  EXPECT_FALSE(meminfo.swap_free);
  EXPECT_THAT(meminfo.direct_map, IsEmpty());
  EXPECT_THAT(meminfo.other, IsEmpty());
}

TEST(ParseMeminfo, LeavesOutMoreHugePagesThanAnyMachineCanHold) {
  const auto meminfo =
      parsed("MemTotal: 8 kB\nHugePages_Total: 4\nHugePages_Rsvd: 18446744073709551615\n");
  EXPECT_EQ(meminfo.huge_pages_total, 4u);
  EXPECT_FALSE(meminfo.huge_pages_reserved);
}

// A difference that wrapped below 0 is a figure nobody knows, not a file nobody can read.
TEST(ParseMeminfo, LeavesOutAnAmountThatNoMachineCanHold) {
  const auto meminfo =
      parsed("MemTotal: 8 kB\nCached: 18446744073709551612 kB\nNew: 18014398509481984 kB\n");
  EXPECT_EQ(meminfo.cached, std::nullopt);
  EXPECT_THAT(meminfo.other, IsEmpty());
}

// A read that stops anywhere must not turn "123" into "12".
TEST(ParseMeminfo, NeverReadsAShorterNumberOutOfACutText) {
  const std::string_view whole = testdata::meminfo_5_10;
  const auto complete = parsed(whole);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto cut = parse_meminfo(whole.substr(0, size));
    const bool ends_a_line = size > 0 && whole[size - 1] == '\n';
    EXPECT_EQ(cut.skipped.lines, ends_a_line ? 0u : 1u);
    if (cut->free) {
      EXPECT_EQ(cut->free, complete.free);
    }
    if (cut->huge_pages_total) {
      EXPECT_EQ(cut->huge_pages_total, complete.huge_pages_total);
    }
    if (cut->hugetlb) {
      EXPECT_EQ(cut->hugetlb, complete.hugetlb);
    }
  }
  // Only the last line is lost.
  EXPECT_THAT(parse_meminfo("MemTotal: 8 kB\nMemFree: 4 kB")->total, Optional(kib(8)));
}

TEST(ParseMeminfo, SurvivesAnyBytes) {
  const auto nul = parse_meminfo(std::string_view("MemTotal: 8 kB\nMemFree: \0 kB\n", 29));
  EXPECT_EQ(nul.skipped.first, 2);
  EXPECT_THAT(parsed("\xff\xfe\n\nMemTotal: 8 kB\n\x80: 4 kB\n").other,
              ElementsAre(NamedBytes{"\x80", kib(4)}));
}

TEST(ParseNodeMeminfo, ReadsTheFieldsOfANode) {
  // Node 0 of the machine of meminfo_6_18, shortened.
  const auto meminfo = parse_node_meminfo(
      "Node 0 MemTotal:       24684092 kB\n"
      "Node 0 MemFree:        23931844 kB\n"
      "Node 0 MemUsed:          752248 kB\n"
      "Node 0 SwapCached:            0 kB\n"
      "Node 0 Active(file):     141820 kB\n"
      "Node 0 FilePages:        427336 kB\n"
      "Node 0 HugePages_Total:     2\n"
      "Node 0 HugePages_Free:      1\n"
      "Node 0 HugePages_Surp:      0\n");
  ASSERT_FALSE(meminfo.skipped);
  EXPECT_THAT(meminfo->total, Optional(kib(24684092)));
  EXPECT_THAT(meminfo->used, Optional(kib(752248)));
  EXPECT_THAT(meminfo->active_file, Optional(kib(141820)));
  EXPECT_THAT(meminfo->file_pages, Optional(kib(427336)));
  EXPECT_THAT(meminfo->huge_pages_total, Optional(2u));
  EXPECT_EQ(meminfo->available, std::nullopt);
}

TEST(ParseNodeMeminfo, SkipsLinesThatDoNotNameTheNode) {
  for (const char* line : {"MemFree: 8 kB\n", "Node MemFree: 8 kB\n", "Node 0: 8 kB\n",
                           "Node 0 MemFree: -8 kB\n", "Node 0 MemFree: 8 kB"}) {
    const auto meminfo = parse_node_meminfo("Node 0 MemTotal: 8 kB\n" + std::string(line));
    EXPECT_EQ(meminfo.skipped.lines, 1u) << line;
    EXPECT_EQ(meminfo.skipped.first, 2) << line;
    EXPECT_THAT(meminfo->total, Optional(kib(8))) << line;
    EXPECT_EQ(meminfo->free, std::nullopt) << line;
  }
  EXPECT_TRUE(parse_node_meminfo("").skipped);
}

}  // namespace
}  // namespace memory_exporter::procfs
