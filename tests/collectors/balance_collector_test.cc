#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "collectors/balance_parts.h"
#include "collectors/builtin.h"
#include "tests/collectors/fixture_tree.h"
#include "tests/collectors/text_sink.h"

namespace memory_exporter {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string collected_from(const FixtureTree& tree, const process::Snapshot& snapshot = {}) {
  CollectorOptions options;
  options.page_size = [](const procfs::Tree&) { return OptionalBytes(Bytes{4096}); };
  return collected(tree.trees(), *make_balance_collector(tree.trees(), options), snapshot);
}

process::Snapshot with_pss(Bytes anon, Bytes file, Bytes shmem) {
  process::Snapshot snapshot;
  snapshot.groups.resize(2);  // the second has no sample
  auto& memory = snapshot.groups.front().totals.memory;
  memory.pss_anon = anon;
  memory.pss_file = file;
  memory.pss_shmem = shmem;
  return snapshot;
}

/// The amount of one part.
std::optional<std::int64_t> part(const std::string& text, const std::string& name) {
  const auto key = "memory_balance_bytes{part=\"" + name + "\"} ";
  const auto at = text.find(key);
  if (at == std::string::npos) return std::nullopt;
  return std::stoll(text.substr(at + key.size()));
}

std::int64_t sum_of_parts(const std::string& text) {
  std::int64_t sum = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("memory_balance_bytes")) sum += std::stoll(line.substr(line.rfind(' ')));
  }
  return sum;
}

/// A machine of 1,000 kB in round figures.
constexpr std::string_view meminfo =
    "MemTotal: 1000 kB\n"
    "MemFree: 100 kB\n"
    "Buffers: 10 kB\n"
    "Cached: 300 kB\n"
    "SwapCached: 5 kB\n"
    "Active: 250 kB\n"
    "Inactive: 250 kB\n"
    "Unevictable: 30 kB\n"
    "AnonPages: 200 kB\n"
    "Mapped: 120 kB\n"
    "Shmem: 90 kB\n"
    "KReclaimable: 52 kB\n"
    "SReclaimable: 50 kB\n"
    "SUnreclaim: 40 kB\n"
    "KernelStack: 8 kB\n"
    "PageTables: 6 kB\n"
    "SecPageTables: 1 kB\n"
    "VmallocUsed: 20 kB\n"
    "Percpu: 4 kB\n"
    "HardwareCorrupted: 0 kB\n"
    "Balloon: 64 kB\n"
    "Zswap: 8 kB\n"
    "Hugetlb: 60 kB\n";

FixtureTree& make_machine(FixtureTree& tree) {
  return tree.write("proc/meminfo", meminfo)
      .write("proc/zoneinfo", "Node 0, zone DMA\n  count: 3\n  count: 2\n")
      .write("proc/vmstat",
             "nr_isolated_anon 1\nnr_isolated_file 0\nnr_zspages 5\nnr_memmap_pages 1\n");
}

TEST(BalanceCollector, WritesPartsThatAddUpToMemTotal) {
  FixtureTree tree;
  make_machine(tree);
  const auto kib = Bytes::from_kib;
  const auto text = collected_from(tree, with_pss(kib(180), kib(50), kib(40)));
  EXPECT_EQ(text,
            "memory_balance_bytes{part=\"free\"} 102400\n"
            "memory_balance_bytes{part=\"free_percpu_lists\"} 20480\n"
            "memory_balance_bytes{part=\"pss_anon\"} 184320\n"
            "memory_balance_bytes{part=\"pss_file\"} 51200\n"
            "memory_balance_bytes{part=\"pss_shmem\"} 40960\n"
            "memory_balance_bytes{part=\"anon_unattributed\"} 20480\n"    // 200 - 180
            "memory_balance_bytes{part=\"mapped_unattributed\"} 30720\n"  // 120 - 50 - 40
            "memory_balance_bytes{part=\"anon_unmapped\"} 24576\n"        // 534 - 200 - 300 - 10
            "memory_balance_bytes{part=\"page_cache\"} 133120\n"          // 300 - 90 - 50 - 30
            "memory_balance_bytes{part=\"shmem_unmapped\"} 51200\n"       // 90 - 40
            "memory_balance_bytes{part=\"buffers\"} 10240\n"
            "memory_balance_bytes{part=\"slab_reclaimable\"} 51200\n"
            "memory_balance_bytes{part=\"slab_unreclaimable\"} 40960\n"
            "memory_balance_bytes{part=\"kernel_misc_reclaimable\"} 2048\n"
            "memory_balance_bytes{part=\"kernel_stacks\"} 8192\n"
            "memory_balance_bytes{part=\"page_tables\"} 7168\n"
            "memory_balance_bytes{part=\"percpu\"} 4096\n"
            "memory_balance_bytes{part=\"vmalloc\"} 12288\n"  // 20 - 8
            "memory_balance_bytes{part=\"memmap\"} 4096\n"
            "memory_balance_bytes{part=\"hugetlb\"} 61440\n"
            "memory_balance_bytes{part=\"zswap\"} 8192\n"
            "memory_balance_bytes{part=\"zspages\"} 12288\n"  // 20 - 8
            "memory_balance_bytes{part=\"hardware_corrupted\"} 0\n"
            "memory_balance_bytes{part=\"unaccounted\"} 142336\n");
  EXPECT_EQ(sum_of_parts(text), 1000 * 1024);
}

// Without ptrace access there is no PSS, and everything mapped is unattributed.
TEST(BalanceCollector, AddsUpWithoutAnyPss) {
  FixtureTree tree;
  make_machine(tree);
  const auto text = collected_from(tree);
  EXPECT_EQ(sum_of_parts(text), 1000 * 1024);
  EXPECT_EQ(part(text, "pss_anon"), std::nullopt);
  EXPECT_EQ(part(text, "anon_unattributed"), 200 * 1024);
  EXPECT_EQ(part(text, "mapped_unattributed"), 120 * 1024);
  EXPECT_EQ(part(text, "page_cache"), (300 - 90 - 120) * 1024);
  EXPECT_EQ(part(text, "shmem_unmapped"), 90 * 1024);
}

TEST(BalanceCollector, TakesUnattributedMappingsFromSharedMemoryWhereThePageCacheIsTooSmall) {
  FixtureTree tree;
  make_machine(tree).write("proc/meminfo",
                           "MemTotal: 1000 kB\nMemFree: 0 kB\nCached: 300 kB\nShmem: 280 kB\n"
                           "Mapped: 250 kB\nAnonPages: 0 kB\n");
  const auto text = collected_from(tree);
  EXPECT_EQ(part(text, "mapped_unattributed"), 250 * 1024);
  EXPECT_EQ(part(text, "page_cache"), 0);
  EXPECT_EQ(part(text, "shmem_unmapped"), 50 * 1024);
}

TEST(BalanceCollector, ShowsSamplesOlderThanMeminfoAsNegativeUnattributedParts) {
  FixtureTree tree;
  make_machine(tree);
  const auto kib = Bytes::from_kib;
  const auto text = collected_from(tree, with_pss(kib(500), kib(90), kib(70)));
  EXPECT_EQ(part(text, "anon_unattributed"), -300 * 1024);
  EXPECT_EQ(part(text, "mapped_unattributed"), -40 * 1024);
  EXPECT_EQ(part(text, "page_cache"), (300 - 90 - 90 + 40) * 1024);
  EXPECT_EQ(part(text, "unaccounted"), part(collected_from(tree), "unaccounted"));
  EXPECT_EQ(sum_of_parts(text), 1000 * 1024);
}

TEST(BalanceCollector, LeavesOutPartsThatTheKernelDoesNotCount) {
  FixtureTree tree;
  tree.write("proc/meminfo", "MemTotal: 1000 kB\nMemFree: 400 kB\nVmallocUsed: 0 kB\n");
  EXPECT_EQ(collected_from(tree),
            "memory_balance_bytes{part=\"free\"} 409600\n"
            "memory_balance_bytes{part=\"unaccounted\"} 614400\n");
}

TEST(BalanceCollector, KnowsNoUnmappedAnonymousMemoryWithoutTheLruLists) {
  FixtureTree tree;
  make_machine(tree).write("proc/meminfo", "MemTotal: 1000 kB\nAnonPages: 10 kB\nActive: 50 kB\n");
  EXPECT_EQ(part(collected_from(tree), "anon_unmapped"), std::nullopt);
}

TEST(BalanceCollector, TakesStacksOutOfVmallocOnlyWhereTheyFit) {
  FixtureTree tree;
  tree.write("proc/meminfo", "MemTotal: 1000 kB\nKernelStack: 30 kB\nVmallocUsed: 20 kB\n");
  EXPECT_EQ(part(collected_from(tree), "vmalloc"), 20 * 1024);
}

// Before 4.4 it is address space, with that of device memory; VmallocChunk is 0 since.
TEST(BalanceCollector, LeavesOutVmallocWhereItIsAddressSpace) {
  FixtureTree tree;
  tree.write("proc/meminfo",
             "MemTotal: 1000 kB\nKernelStack: 8 kB\nVmallocUsed: 600 kB\n"
             "VmallocChunk: 34359100000 kB\n");
  EXPECT_EQ(part(collected_from(tree), "vmalloc"), std::nullopt);
  EXPECT_EQ(part(collected_from(tree), "unaccounted"), 992 * 1024);
  tree.write("proc/meminfo",
             "MemTotal: 1000 kB\nKernelStack: 8 kB\nVmallocUsed: 600 kB\nVmallocChunk: 0 kB\n");
  EXPECT_EQ(part(collected_from(tree), "vmalloc"), 592 * 1024);
}

// Before 4.16 meminfo has no "Hugetlb:", and only the pool of the default size.
TEST(BalanceCollector, AddsUpTheHugetlbPoolsWhereMeminfoHasNoSum) {
  FixtureTree tree;
  const std::string pools = "sys/kernel/mm/hugepages/hugepages-";
  tree.write("proc/meminfo", "MemTotal: 10000000 kB\nHugePages_Total: 5\nHugepagesize: 2048 kB\n");
  EXPECT_EQ(part(collected_from(tree), "hugetlb"), 5 * 2048 * 1024);
  tree.write(pools + "2048kB/nr_hugepages", "50\n").write(pools + "1048576kB/nr_hugepages", "2\n");
  EXPECT_EQ(part(collected_from(tree), "hugetlb"), (50 * 2048 + 2 * 1048576l) * 1024);
  EXPECT_EQ(part(collected_from(tree), "unaccounted"),
            (10000000l - 50 * 2048 - 2 * 1048576) * 1024);
}

TEST(BalanceCollector, KnowsNoSumOfPoolsThatNoMachineCanHold) {
  FixtureTree tree;
  tree.write("proc/meminfo", "MemTotal: 10000000 kB\n");
  for (const char* size : {"2048", "1048576"}) {
    const auto pages = std::string(size) == "2048" ? "34359738368\n" : "67108864\n";
    tree.write("sys/kernel/mm/hugepages/hugepages-" + std::string(size) + "kB/nr_hugepages", pages);
  }
  const auto text = collected_from(tree);
  EXPECT_EQ(text.find("hugetlb"), std::string::npos) << text;
  EXPECT_EQ(part(text, "unaccounted"), 10000000l * 1024);
}

// Before 4.8 vmstat has no nr_zspages.
TEST(BalanceCollector, AddsUpZramsDisksWhereTheKernelDoesNotCountZspages) {
  FixtureTree tree;
  tree.write("proc/meminfo", "MemTotal: 1000 kB\n")
      .write("sys/block/zram0/mm_stat", "81920 30000 40960 0 40960 0 0\n")
      .write("sys/block/zram1/mm_stat", "8192 3000 4096 0 4096 0 0\n");
  EXPECT_EQ(part(collected_from(tree), "zspages"), 44 * 1024);
  tree.write("proc/vmstat", "nr_zspages 12\n");
  EXPECT_EQ(part(collected_from(tree), "zspages"), 48 * 1024);
}

TEST(BalanceCollector, CountsBouncePagesAndThoseThatFuseWritesFrom) {
  FixtureTree tree;
  tree.write("proc/meminfo", "MemTotal: 1000 kB\nBounce: 12 kB\nWritebackTmp: 40 kB\n");
  const auto text = collected_from(tree);
  EXPECT_EQ(part(text, "bounce"), 12 * 1024);
  EXPECT_EQ(part(text, "writeback_tmp"), 40 * 1024);
  EXPECT_EQ(part(text, "unaccounted"), 948 * 1024);
}

// Sandboxes and old kernels print some of the three. What is not told apart stays in page_cache.
TEST(BalanceCollector, AccountsForThePageCacheWhateverItIsSplitInto) {
  FixtureTree tree;
  const auto kib = Bytes::from_kib;
  const auto sampled = with_pss(kib(0), kib(50), kib(40));
  tree.write("proc/meminfo", "MemTotal: 1000 kB\nCached: 300 kB\n");
  EXPECT_EQ(part(collected_from(tree), "page_cache"), 300 * 1024);
  EXPECT_EQ(part(collected_from(tree, sampled), "page_cache"), 210 * 1024);
  EXPECT_EQ(part(collected_from(tree, sampled), "unaccounted"), 700 * 1024);
  tree.write("proc/meminfo", "MemTotal: 1000 kB\nCached: 300 kB\nMapped: 120 kB\n");
  EXPECT_EQ(part(collected_from(tree, sampled), "mapped_unattributed"), 30 * 1024);
  EXPECT_EQ(part(collected_from(tree, sampled), "page_cache"), 180 * 1024);
  EXPECT_EQ(part(collected_from(tree, sampled), "shmem_unmapped"), std::nullopt);
  EXPECT_EQ(part(collected_from(tree, sampled), "unaccounted"), 700 * 1024);
  tree.write("proc/meminfo", "MemTotal: 1000 kB\nCached: 300 kB\nShmem: 90 kB\n");
  EXPECT_EQ(part(collected_from(tree, sampled), "mapped_unattributed"), std::nullopt);
  EXPECT_EQ(part(collected_from(tree, sampled), "page_cache"), 160 * 1024);
  EXPECT_EQ(part(collected_from(tree, sampled), "shmem_unmapped"), 50 * 1024);
  EXPECT_EQ(part(collected_from(tree, sampled), "unaccounted"), 700 * 1024);
}

constexpr const char* slab_contradicts = "memory_balance_absent{reason=\"slab_contradicts\"} 1\n";
constexpr const char* zones_contradict = "memory_balance_absent{reason=\"zones_contradict\"} 1\n";
constexpr const char* exceeds_total = "memory_balance_absent{reason=\"exceeds_total\"} 1\n";

// lxcfs: MemTotal and Slab are the container's, the halves of slab the machine's.
TEST(BalanceCollector, SaysThatItIsAbsentWhereSlabIsNotItsHalves) {
  FixtureTree tree;
  tree.write("proc/meminfo",
             "MemTotal: 2097152 kB\nMemFree: 1200000 kB\nCached: 100000 kB\nAnonPages: 9000 kB\n"
             "Slab: 0 kB\nSReclaimable: 30000 kB\nSUnreclaim: 20000 kB\n");
  EXPECT_EQ(collected_from(tree), slab_contradicts);
  // Two looks at a machine that frees slab in between.
  tree.write("proc/meminfo",
             "MemTotal: 2097152 kB\nSlab: 40000 kB\nSReclaimable: 30000 kB\n"
             "SUnreclaim: 20000 kB\n");
  EXPECT_EQ(part(collected_from(tree), "slab_reclaimable"), 30000 * 1024);
}

TEST(BalanceCollector, SaysThatItIsAbsentWhereZonesManageFarMoreThanMemTotal) {
  FixtureTree tree;
  tree.write("proc/meminfo", "MemTotal: 2097152 kB\nMemFree: 1 kB\nMemAvailable: 5 kB\n")
      .write("proc/zoneinfo", "Node 0, zone Normal\n        managed  6291456\n  count: 3\n");
  EXPECT_EQ(collected_from(tree), zones_contradict);
  // A hypervisor that plugs memory lazily: MemTotal has it, the zones do not yet.
  tree.write("proc/zoneinfo", "Node 0, zone Normal\n        managed  100000\n");
  EXPECT_EQ(part(collected_from(tree), "free"), 1024);
  // Before 3.14 some balloons lowered MemTotal alone.
  tree.write("proc/meminfo", "MemTotal: 2097152 kB\nMemFree: 1 kB\n")
      .write("proc/zoneinfo", "Node 0, zone Normal\n        managed  6291456\n");
  EXPECT_EQ(part(collected_from(tree), "free"), 1024);
}

TEST(BalanceCollector, SaysThatItIsAbsentWherePartsExceedMemTotal) {
  FixtureTree tree;
  const auto with_anon = [&](int kib) {
    tree.write("proc/meminfo", "MemTotal: 1600 kB\nMemFree: 1000 kB\nPercpu: 100 kB\nAnonPages: " +
                                   std::to_string(kib) + " kB\n");
    return collected_from(tree);
  };
  // A sixteenth may overlap, and all of Percpu, of which some is outside MemTotal.
  EXPECT_EQ(part(with_anon(500 + 100 + 100), "unaccounted"), -200 * 1024);
  EXPECT_EQ(with_anon(500 + 100 + 100 + 1), exceeds_total);
}

// gVisor and containers of Virtuozzo: shared memory is in AnonPages as well as in Cached.
TEST(BalanceCollector, SaysThatItIsAbsentWhereSharedMemoryCountsTwice) {
  FixtureTree tree;
  const std::string sandbox =
      "MemTotal: 1000 kB\nMemFree: 700 kB\nCached: 120 kB\nActive: 180 kB\nInactive: 90 kB\n"
      "AnonPages: 150 kB\nShmem: 20 kB\nUnevictable: 0 kB\n";
  tree.write("proc/meminfo", sandbox);
  EXPECT_EQ(part(collected_from(tree), "unaccounted"), 30 * 1024) << "the lists hold both";
  tree.write("proc/meminfo", sandbox + "Buffers: 1 kB\n");
  EXPECT_EQ(collected_from(tree), "memory_balance_absent{reason=\"lists_contradict\"} 1\n");
  // A kernel's own lists lack what waits in its CPUs to be put on them.
  tree.write("proc/meminfo", sandbox + "Buffers: 1 kB\nPageTables: 8 kB\n");
  EXPECT_EQ(part(collected_from(tree), "unaccounted"), 21 * 1024);
}

TEST(BalanceCollector, LeavesOutPartsInPagesOfUnknownSize) {
  FixtureTree tree;
  tree.write("proc/meminfo", "MemTotal: 1000 kB\nMemFree: 400 kB\n")
      .write("proc/vmstat", "nr_zspages 5\nnr_memmap_pages 7\n")
      .write("proc/zoneinfo", "Node 0, zone Normal\n  count: 3\n");
  EXPECT_EQ(collected(tree.trees(), *make_balance_collector(tree.trees(), CollectorOptions{})),
            "memory_balance_bytes{part=\"free\"} 409600\n"
            "memory_balance_bytes{part=\"unaccounted\"} 614400\n");
}

TEST(BalanceCollector, IsNotAbsentForSamplesThatAreOld) {
  FixtureTree tree;
  make_machine(tree);
  const auto kib = Bytes::from_kib;
  const auto text = collected_from(tree, with_pss(kib(50000), kib(9000), kib(7000)));
  EXPECT_THAT(text, Not(HasSubstr("absent")));
  EXPECT_EQ(part(text, "unaccounted"), part(collected_from(tree), "unaccounted"));
}

TEST(ReasonAgainst, NamesAMeminfoThatIsMountedOver) {
  procfs::Meminfo machine;
  machine.total = Bytes::from_kib(1000);
  KernelFigures kernel;
  const auto reason = [&] {
    return reason_against(machine, kernel, parts_of(machine, kernel, {}));
  };
  EXPECT_EQ(reason(), "");
  kernel.meminfo_replaced = true;
  EXPECT_EQ(reason(), "meminfo_replaced");
}

TEST(BalanceCollector, TakesZswapOutOfZspagesOnlyWhereItUsesThem) {
  FixtureTree tree;
  make_machine(tree).write("sys/module/zswap/parameters/zpool", "zbud\n");
  EXPECT_EQ(part(collected_from(tree), "zspages"), 20 * 1024);
  tree.write("sys/module/zswap/parameters/zpool", "zsmalloc\n");
  EXPECT_EQ(part(collected_from(tree), "zspages"), 12 * 1024);
}

TEST(BalanceCollector, CountsABalloonOnlyWhereMemTotalHasIt) {
  FixtureTree tree;
  make_machine(tree);
  const std::string features = "sys/bus/virtio/drivers/virtio_balloon/virtio3/features";
  tree.write(features, "0100010100000000\n");
  EXPECT_EQ(part(collected_from(tree), "balloon"), std::nullopt);
  tree.write(features, "0110010100000000\n");
  EXPECT_EQ(part(collected_from(tree), "balloon"), 64 * 1024);
}

TEST(BalanceCollector, BoundsTheSkewByWhatMeminfoSaidBeforeTheProcessesWereRead) {
  FixtureTree tree;
  make_machine(tree);
  EXPECT_THAT(collected_from(tree), Not(HasSubstr("skew")));
  process::Snapshot snapshot;
  snapshot.mapped_before = process::MappedMemory{Bytes::from_kib(190), Bytes::from_kib(125)};
  EXPECT_THAT(collected_from(tree, snapshot),
              HasSubstr("memory_balance_skew_bytes{kind=\"anon\"} 10240\n"
                        "memory_balance_skew_bytes{kind=\"mapped\"} 5120\n"));
}

// Without PSS, which only tells apart what is known together. What remained: 0.3 % and 0.4 % of
// half a GiB, 0.1 % of 24 GiB.
TEST(BalanceCollector, LeavesLittleUnaccountedForOnRealMachines) {
  for (const char* name : {"linux-5.10", "linux-6.1", "linux-6.12", "linux-6.18"}) {
    std::ifstream capture(std::string(MEMORY_EXPORTER_SOURCE_DIR "/tests/collectors/captures/") +
                          name + ".txt");
    std::ostringstream content;
    content << capture.rdbuf();
    FixtureTree tree;
    tree.write_capture(content.str());
    const auto text = collected_from(tree);
    const auto total = sum_of_parts(text);
    const auto unaccounted = part(text, "unaccounted");
    ASSERT_TRUE(unaccounted) << name;
    EXPECT_LT(std::abs(*unaccounted), total / 100) << name;
  }
}

// They are reconstructed such that 4,000 kB belong to nobody, whatever the kernel calls the rest.
TEST(BalanceCollector, LeavesWhatIsUnaccountedForOnKernelsOfEveryAge) {
  for (const char* name : {"linux-2.6.32", "linux-3.10", "linux-4.4", "linux-4.9", "linux-4.14",
                           "linux-4.19", "linux-5.4"}) {
    std::ifstream capture(std::string(MEMORY_EXPORTER_SOURCE_DIR "/tests/collectors/captures/") +
                          name + ".txt");
    std::ostringstream content;
    content << capture.rdbuf();
    FixtureTree tree;
    tree.write_capture(content.str());
    const auto text = collected_from(tree);
    EXPECT_EQ(sum_of_parts(text), 2000000ll * 1024) << name;
    EXPECT_EQ(part(text, "unaccounted"), 4000 * 1024) << name;
    EXPECT_EQ(part(text, "hugetlb"), 40 * 2048 * 1024) << name;
  }
}

TEST(BalanceCollector, WritesNothingWithoutMeminfo) {
  FixtureTree tree;
  make_machine(tree).remove("proc/meminfo");
  EXPECT_EQ(collected_from(tree), "");
}

TEST(BalanceCollector, LeavesOutWhatAMalformedFileTells) {
  const std::pair<const char*, const char*> cases[] = {{"proc/meminfo", "MemTotal: 8\n"},
                                                       {"proc/zoneinfo", "count: 1\n"},
                                                       {"proc/vmstat", "nr_zspages x\n"}};
  for (const auto& [path, text] : cases) {
    FixtureTree tree;
    make_machine(tree).write(path, text);
    const auto written = collected_from(tree);
    EXPECT_THAT(written, testing::HasSubstr(": malformed: " + tree.path(path) + ":"));
    EXPECT_EQ(written.starts_with("memory_balance_bytes{part=\"free\"}"),
              std::string_view(path) != "proc/meminfo")
        << written;
  }
}

TEST(BalanceCollector, LeavesOutWhatADeniedFileTells) {
  FixtureTree tree;
  make_machine(tree).forbid("proc/zoneinfo");
  const Unprivileged unprivileged;
  const auto written = collected_from(tree);
  EXPECT_THAT(written, testing::HasSubstr("part=\"free\""));
  EXPECT_THAT(written, testing::Not(testing::HasSubstr("part=\"free_percpu_lists\"")));
  EXPECT_THAT(written, testing::EndsWith("error: zoneinfo: denied: " + tree.path("proc/zoneinfo") +
                                         ": Permission denied\n"));
}

}  // namespace
}  // namespace memory_exporter
