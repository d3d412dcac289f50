#include "collectors/procfs/swaps.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace memory_exporter::procfs {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::string_view header = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";

std::vector<SwapDevice> parsed(std::string_view text) {
  auto devices = parse_swaps(text);
  EXPECT_FALSE(devices.skipped) << devices.skipped.error().message();
  return *devices;
}

TEST(ParseSwaps, FindsNoDeviceUnderTheBareHeader) {
  EXPECT_THAT(parsed(header), IsEmpty());  // kernel 6.18, captured
}

TEST(ParseSwaps, ReadsPartitionsFilesAndPriorities) {
  // The layout of kernel 5.13 and later, reconstructed from swap_show().
  const auto devices = parsed(
      "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
      "/dev/zram0                              partition\t8388604\t\t1028\t\t100\n"
      "/dev/nvme0n1p3                          partition\t33554428\t0\t\t-2\n"
      "/swapfile                               file\t\t2097148\t\t524288\t\t-3\n");
  EXPECT_THAT(
      devices,
      ElementsAre(
          SwapDevice{"/dev/zram0", "partition", Bytes::from_kib(8388604), Bytes::from_kib(1028),
                     100},
          SwapDevice{"/dev/nvme0n1p3", "partition", Bytes::from_kib(33554428), Bytes{0}, -2},
          SwapDevice{"/swapfile", "file", Bytes::from_kib(2097148), Bytes::from_kib(524288), -3}));
}

TEST(ParseSwaps, ReadsTheNarrowerLayoutOfKernel414) {
  EXPECT_THAT(parsed("Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n"
                     "/dev/dm-1                               partition\t8126460\t26704\t-2\n"),
              ElementsAre(SwapDevice{"/dev/dm-1", "partition", Bytes::from_kib(8126460),
                                     Bytes::from_kib(26704), -2}));
}

TEST(ParseSwaps, UndoesTheKernelsEscapes) {
  const auto devices = parsed(std::string(header) +
                              "/var/my\\040swap\\011a\\134b\\012c file 4 0 -2\n"
                              "/var/gone\\040(deleted) file 4 0 -3\n"
                              "/odd\\04 file 4 0 -4\n"
                              "/odd\\999 file 4 0 -5\n"
                              "/caf\xc3\xa9\xff file 4 0 -6\n");
  ASSERT_EQ(devices.size(), 5u);
  EXPECT_EQ(devices[0].name, "/var/my swap\ta\\b\nc");
  EXPECT_EQ(devices[1].name, "/var/gone (deleted)");
  EXPECT_EQ(devices[2].name, "/odd\\04");
  EXPECT_EQ(devices[3].name, "/odd\\999");
  EXPECT_EQ(devices[4].name, "/caf\xc3\xa9\xff");
}

TEST(ParseSwaps, NeedsNoHeader) {
  EXPECT_THAT(parsed("/swapfile file 4 0 -2\n"),
              ElementsAre(SwapDevice{"/swapfile", "file", Bytes::from_kib(4), Bytes{0}, -2}));
}

TEST(ParseSwaps, LeavesAnAmountThatNoMachineCanHoldAbsent) {
  EXPECT_THAT(parsed("/wrapped file 4 18014398504239104 -2\n/large file 70368744177665 0 -3\n"),
              ElementsAre(SwapDevice{"/wrapped", "file", Bytes::from_kib(4), {}, -2},
                          SwapDevice{"/large", "file", {}, Bytes{0}, -3}));
}

TEST(ParseSwaps, SaysThatAFileIsEmpty) {
  EXPECT_EQ(parse_swaps("").skipped.lines, 1u);
}

TEST(ParseSwaps, SkipsALineThatHasNotItsForm) {
  const SwapDevice first{"/first", "file", Bytes::from_kib(4), Bytes{0}, -2};
  const SwapDevice last{"/last", "file", Bytes::from_kib(8), Bytes{0}, -3};
  for (const char* line :
       {"/swap", "/swap file", "/swap file 4", "/swap file 4 0", "/swap file 4 0 x",
        "/swap file -4 0 1", "/swap file 4 99999999999999999999 1",
        "/swap file 4 0 9223372036854775808", "", " \t"}) {
    const auto text = std::string(header) + "/first file 4 0 -2\n" + line + "\n/last file 8 0 -3\n";
    const auto devices = parse_swaps(text);
    EXPECT_EQ(devices.skipped.lines, 1u) << line;
    EXPECT_EQ(devices.skipped.first, 3) << line;
    EXPECT_THAT(*devices, ElementsAre(first, last)) << line;
  }
}

TEST(ParseSwaps, AcceptsOnlyWholeLinesOfACutText) {
  const auto whole = std::string(header) + "/swap\\040file file 1234 567 -2\n/b partition 8 4 10\n";
  const auto complete = parsed(whole);
  for (std::size_t size = 1; size < whole.size(); ++size) {
    const auto cut = parse_swaps(std::string_view(whole).substr(0, size));
    EXPECT_EQ(bool(cut.skipped), whole[size - 1] != '\n');
    ASSERT_LE(cut->size(), complete.size());
    for (std::size_t i = 0; i < cut->size(); ++i) EXPECT_EQ((*cut)[i], complete[i]);
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
