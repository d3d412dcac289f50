#include "collectors/process/sampling/region.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace memory_exporter::process {
namespace {

using procfs::SmapsEntry;

/// tests/process/regions/*.txt: the mappings of one real process, a line each: the region expected,
/// the line of maps, and VmFlags, with tabs between them. "#program" and "#threads" say what else
/// is known of the process.
struct Listing {
  struct Row {
    std::string region;
    std::string maps;
    std::string flags;
  };
  std::string comments;
  std::string program;
  std::size_t threads = 0;
  std::vector<Row> rows;
};

Listing read_listing(const std::filesystem::path& path) {
  Listing listing;
  std::ifstream file(path);
  EXPECT_TRUE(file) << path;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) {
      listing.comments += line + '\n';
      if (line.starts_with("#program ")) listing.program = line.substr(9);
      if (line.starts_with("#threads ")) listing.threads = std::stoul(line.substr(9));
      continue;
    }
    const auto first = line.find('\t');
    const auto second = line.find('\t', first + 1);
    EXPECT_NE(second, std::string::npos) << path << ": " << line;
    listing.rows.push_back({line.substr(0, first), line.substr(first + 1, second - first - 1),
                            line.substr(second + 1)});
  }
  return listing;
}

/// The views in the entry are those given.
SmapsEntry entry_of(std::string_view maps, std::string_view flags) {
  SmapsEntry entry;
  EXPECT_TRUE(procfs::parse_vma(maps, entry.vma)) << maps;
  entry.flags = flags;
  return entry;
}

/// Whether the capture's kernel marks stacks: arm64 and the older kernels here do not.
bool marks_stacks(const Listing& listing) {
  return std::any_of(listing.rows.begin(), listing.rows.end(),
                     [](const auto& row) { return row.flags.ends_with("nh"); });
}

std::vector<Region> classify(const Listing& listing, const RegionContext& context) {
  RegionClassifier classifier(context);
  std::vector<Region> found;
  for (const auto& row : listing.rows)
    found.push_back(classifier.next(entry_of(row.maps, row.flags)));
  return found;
}

std::vector<Region> classify(const Listing& listing) {
  return classify(listing,
                  {.executable = listing.program, .stacks_are_marked = marks_stacks(listing)});
}

std::vector<std::filesystem::path> listings() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(MEMORY_EXPORTER_REGIONS)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

class RegionsOfRealProcesses : public testing::TestWithParam<std::filesystem::path> {};

/// With MEMORY_EXPORTER_UPDATE_REGIONS set, writes what was found into the listing instead: for a
/// new capture, to be read over line by line before it is committed.
TEST_P(RegionsOfRealProcesses, AreAsListed) {
  auto listing = read_listing(GetParam());
  const auto found = classify(listing);
  if (std::getenv("MEMORY_EXPORTER_UPDATE_REGIONS") != nullptr) {
    std::ofstream file(GetParam());
    file << listing.comments;
    for (std::size_t i = 0; i < found.size(); ++i) {
      file << to_string(found[i]) << '\t' << listing.rows[i].maps << '\t' << listing.rows[i].flags
           << '\n';
    }
    GTEST_SKIP() << "rewritten";
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(to_string(found[i]), listing.rows[i].region) << listing.rows[i].maps;
  }
}

TEST_P(RegionsOfRealProcesses, HaveOneStackForEachThread) {
  const auto listing = read_listing(GetParam());
  const auto found = classify(listing);
  const auto stacks =
      static_cast<std::size_t>(std::count(found.begin(), found.end(), Region::stack));
  // The capture of Chromium ends below its main thread's stack.
  const bool main_is_cut_off = found.back() != Region::vsyscall && found.back() != Region::stack &&
                               found.back() != Region::vdso;
  EXPECT_EQ(stacks + main_is_cut_off, listing.threads);
}

TEST_P(RegionsOfRealProcesses, DoNotNeedTheProgramsName) {
  auto listing = read_listing(GetParam());
  EXPECT_EQ(classify(listing, {.executable = "", .stacks_are_marked = marks_stacks(listing)}),
            classify(listing));
}

INSTANTIATE_TEST_SUITE_P(
    Captures, RegionsOfRealProcesses, testing::ValuesIn(listings()), [](const auto& given) {
      auto name = given.param.stem().string();
      std::replace_if(
          name.begin(), name.end(),
          [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
      return name;
    });

/// A line of maps and VmFlags.
struct Line {
  std::string maps;
  std::string flags = "rd wr mr mw me ac";
};

/// The regions of mappings given in the order of their addresses, by name.
std::vector<std::string> regions_of(const std::vector<Line>& lines,
                                    const RegionContext& context = {.executable = "/bin/program"}) {
  RegionClassifier classifier(context);
  std::vector<std::string> found;
  for (const auto& line : lines) {
    found.emplace_back(to_string(classifier.next(entry_of(line.maps, line.flags))));
  }
  return found;
}

std::string region_of(const std::string& maps, const std::string& flags = "rd wr mr mw me") {
  return regions_of({{maps, flags}}).front();
}

using Names = std::vector<std::string>;

TEST(RegionClassifier, KnowsNamedMemory) {
  // As the kernel's Documentation/filesystems/proc.rst has them: no kernel at hand names memory.
  EXPECT_EQ(region_of("1000-2000 rw-p 0 00:00 0 [anon:libc_malloc]"), "named_anon");
  EXPECT_EQ(region_of("1000-2000 r-xp 0 00:00 0 [anon:dalvik jit]"), "named_anon");
  EXPECT_EQ(region_of("1000-2000 rw-s 0 00:01 5 [anon_shmem:ring]"), "shmem");
}

TEST(RegionClassifier, KnowsTheNamesOfOtherKernels) {
  EXPECT_EQ(region_of("1000-2000 rw-p 0 00:00 0 [stack:1234]"), "stack");  // 3.4 to 4.4
  EXPECT_EQ(region_of("1000-2000 --xp 0 00:00 0 [uprobes]"), "vdso");
  EXPECT_EQ(region_of("1000-2000 r-xp 0 00:00 0 [sigpage]"), "vdso");  // arm
  EXPECT_EQ(region_of("1000-2000 r--p 0 00:00 0 [vvar_vclock]", "rd mr pf io de dd"), "vvar");
  EXPECT_EQ(region_of("ffffffffff600000-ffffffffff601000 r-xp 0 00:00 0 [vsyscall]"), "vsyscall");
}

TEST(RegionClassifier, KnowsDevicesByNameAndByFlag) {
  EXPECT_EQ(region_of("1000-2000 rw-s 0 00:06 5 /dev/dri/renderD128"), "device");
  EXPECT_EQ(region_of("1000-2000 rw-s 0 00:0e 5 anon_inode:[perf_event]"), "device");
  EXPECT_EQ(region_of("1000-2000 rw-s 0 00:08 5 socket:[12345]"), "device");
  EXPECT_EQ(region_of("1000-2000 rw-s 0 00:0b 5 /dmabuf:gem"), "device");
  EXPECT_EQ(region_of("1000-2000 rw-s 0 00:14 5 /sys/devices/pci0000:00/0000:00:02.0/resource0",
                      "rd wr sh mr mw me ms pf io de dd"),
            "device");
  EXPECT_EQ(region_of("1000-2000 r--s 0 fe:00 5 /srv/data"), "file");
}

TEST(RegionClassifier, KnowsHugetlbMemoryByFlagAndByName) {
  EXPECT_EQ(region_of("200000-400000 rw-s 0 00:10 5 /mnt/huge/pool", "rd wr sh mr mw me ms ht"),
            "hugetlb");
  EXPECT_EQ(region_of("200000-400000 rw-s 0 00:10 5 /memfd:pool (deleted)", "rd wr sh ht"),
            "hugetlb");
  EXPECT_EQ(region_of("200000-400000 rw-s 0 00:10 0 /SYSV0000002a (deleted)", "rd wr sh ht"),
            "hugetlb");
  EXPECT_EQ(region_of("200000-400000 rw-p 0 00:10 5 /anon_hugepage (deleted)", ""), "hugetlb");
}

TEST(RegionClassifier, TellsTheTwoMappingsOfDevZeroApart) {
  EXPECT_EQ(region_of("1000-2000 rw-p 0 00:06 4 /dev/zero"), "anon");
  EXPECT_EQ(region_of("1000-2000 rw-s 0 00:01 30 /dev/zero (deleted)"), "shmem");
}

TEST(RegionClassifier, KnowsTheProgramWhereverItsFileIs) {
  for (const std::string program :
       {"/bin/program", "/bin/program (deleted)", "/memfd:runc_cloned:/proc/self/exe (deleted)",
        "/dev/shm/program", "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"}) {
    EXPECT_EQ(regions_of({{"1000-2000 r--p 0 fe:00 5 " + program},
                          {"2000-3000 r-xp 1000 fe:00 5 " + program},
                          {"3000-4000 ---p 2000 fe:00 5 " + program},
                          {"4000-5000 rw-p 2000 fe:00 5 " + program},
                          {"5000-6000 rw-p 0 00:00 0 "}},
                         {.executable = program}),
              (Names{"rodata", "text", "rodata", "data", "data"}))
        << program;
  }
}

TEST(RegionClassifier, PutsBssOfAnySizeAndNumberToTheProgramsData) {
  EXPECT_EQ(regions_of({{"1000-2000 rw-p 0 fe:00 5 /bin/program"},
                        {"2000-80002000 rw-p 0 00:00 0 "},
                        {"80002000-80003000 rw-p 0 00:00 0 ", "rd wr mr mw me lo ac"},
                        {"80004000-80005000 rw-p 0 00:00 0 "}}),
            (Names{"data", "data", "data", "anon"}));
  EXPECT_EQ(regions_of({{"1000-2000 r--p 0 fe:00 5 /bin/program"}, {"2000-3000 rw-p 0 00:00 0 "}}),
            (Names{"rodata", "data"}));
}

TEST(RegionClassifier, PutsOnlyPlainMemoryDirectlyAboveToBss) {
  for (const std::string above : {"2000-3000 rwxp 0 00:00 0 ", "2000-3000 r--p 0 00:00 0 ",
                                  "2000-3000 ---p 0 00:00 0 ", "3000-4000 rw-p 0 00:00 0 "}) {
    EXPECT_EQ(regions_of({{"1000-2000 rw-p 0 fe:00 5 /bin/program"}, {above}}),
              (Names{"data", "anon"}))
        << above;
    EXPECT_EQ(regions_of({{"1000-2000 rw-p 0 fe:00 5 /lib/libc.so.6"}, {above}}),
              (Names{"lib_data", "anon"}))
        << above;
  }
}

TEST(RegionClassifier, TakesALibrarysBssOnlyUpToOneMib) {
  EXPECT_EQ(
      regions_of({{"1000-2000 rw-p 0 fe:00 5 /lib/libc.so.6"}, {"2000-102000 rw-p 0 00:00 0 "}}),
      (Names{"lib_data", "lib_data"}));
  EXPECT_EQ(
      regions_of({{"1000-2000 rw-p 0 fe:00 5 /lib/libc.so.6"}, {"2000-103000 rw-p 0 00:00 0 "}}),
      (Names{"lib_data", "anon"}));
  EXPECT_EQ(
      regions_of({{"1000-2000 r--p 0 fe:00 5 /lib/libc.so.6"}, {"2000-3000 rw-p 0 00:00 0 "}}),
      (Names{"lib_data", "anon"}));
  EXPECT_EQ(regions_of({{"1000-2000 rw-p 0 fe:00 5 /srv/data"}, {"2000-3000 rw-p 0 00:00 0 "}}),
            (Names{"file", "anon"}));
}

TEST(RegionClassifier, KnowsLibrariesByNameAndByTheCodeBelow) {
  for (const std::string name : {"libc.so.6", "module.so", "libx.so.6;5f3a (deleted)", "a.so.1.2.3",
                                 "_ssl.cpython-311-x86_64-linux-gnu.so"}) {
    EXPECT_EQ(region_of("1000-2000 r--p 0 fe:00 5 /lib/" + name), "lib_data") << name;
  }
  for (const std::string name :
       {"libc.so.jar", "also", "a.sources", "x.so.", ".so/data", "modules"}) {
    EXPECT_EQ(region_of("1000-2000 r--p 0 fe:00 5 /lib/" + name), "file") << name;
  }
  EXPECT_EQ(regions_of({{"1000-2000 r--p 0 fe:00 5 /app/base.apk"},
                        {"2000-3000 r-xp 1000 fe:00 5 /app/base.apk"},
                        {"3000-4000 r--p 2000 fe:00 5 /app/base.apk"},
                        {"4000-5000 rw-p 3000 fe:00 5 /app/base.apk"},
                        {"5000-6000 r--p 3000 fe:01 5 /other"}}),
            (Names{"file", "lib_text", "lib_data", "lib_data", "file"}));
}

TEST(RegionClassifier, TellsStacksByTheirGuardAndTheKernelsMark) {
  const Line guard{"1000-2000 ---p 0 00:00 0 ", "mr mw me nh"};
  const Line marked{"2000-802000 rw-p 0 00:00 0 ", "rd wr mr mw me ac nh"};
  const Line unmarked{"2000-802000 rw-p 0 00:00 0 ", "rd wr mr mw me ac"};
  const RegionContext marking{.executable = "/bin/program", .stacks_are_marked = true};
  EXPECT_EQ(regions_of({guard, marked}, marking), (Names{"anon", "stack"}));
  EXPECT_EQ(regions_of({guard, unmarked}, marking), (Names{"anon", "anon"}));
  EXPECT_EQ(regions_of({marked}, marking), Names{"anon"});
  EXPECT_EQ(regions_of({guard, {"3000-803000 rw-p 0 00:00 0 ", "rd wr nh"}}, marking),
            (Names{"anon", "anon"}));
  EXPECT_EQ(
      regions_of({{"1000-12000 ---p 0 00:00 0 "}, {"12000-812000 rw-p 0 00:00 0 ", "rd wr nh"}},
                 marking),
      (Names{"anon", "anon"}));
}

TEST(RegionClassifier, TellsStacksByTheirSizeOnKernelsThatDoNotMarkThem) {
  const Line guard{"1000-2000 ---p 0 00:00 0 "};
  const auto above = [&](const char* end) {
    return regions_of({guard, {std::string("2000-") + end + " rw-p 0 00:00 0 "}}).back();
  };
  EXPECT_EQ(above("802000"), "stack");  // 8 MiB
  EXPECT_EQ(above("101000"), "stack");  // 1 MiB with its guard
  EXPECT_EQ(above("1fa000"), "anon");   // 2,016 KiB: a span of PartitionAlloc
  EXPECT_EQ(above("3000"), "anon");
}

TEST(RegionClassifier, FindsEveryStackWithoutTheMarkAndHardlyAnythingElse) {
  for (const auto& path : listings()) {
    const auto listing = read_listing(path);
    const auto exact = classify(listing);
    const auto by_size = classify(listing, {.executable = listing.program});
    std::size_t missed = 0;
    std::size_t mistaken = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      missed += exact[i] == Region::stack && by_size[i] != Region::stack;
      mistaken += exact[i] != Region::stack && by_size[i] == Region::stack;
    }
    // Node.js has a thread with a stack of 32 KiB, the JVM a guard of its own below 832 KiB.
    EXPECT_EQ(missed, path.stem() == "node" ? 1u : 0u) << path;
    EXPECT_EQ(mistaken, path.stem() == "jvm" ? 1u : 0u) << path;
  }
}

TEST(RegionClassifier, KnowsTheProgramByItsFileUnderAnyName) {
  RegionClassifier first({.executable = "/bin/program"});
  EXPECT_FALSE(first.program());
  EXPECT_EQ(first.next(entry_of("1000-2000 r-xp 0 fe:00 5 /lib/loader", "")), Region::lib_text);
  EXPECT_FALSE(first.program());
  EXPECT_EQ(first.next(entry_of("2000-3000 r-xp 0 fe:00 6 /bin/program", "")), Region::text);
  EXPECT_EQ(first.program(), (procfs::MappedFile{0xfe, 0, 6}));

  RegionClassifier again({.executable = {}, .program = first.program()});
  EXPECT_EQ(again.next(entry_of("1000-2000 r-xp 0 fe:00 5 /lib/loader", "")), Region::lib_text);
  EXPECT_EQ(again.next(entry_of("2000-3000 r-xp 0 fe:00 6 /bin/old (deleted)", "")), Region::text);
  EXPECT_EQ(again.next(entry_of("3000-4000 r-xp 0 fe:01 6 /bin/program", "")), Region::lib_text);
}

TEST(Regions, HaveNamesOfTheirOwn) {
  std::vector<std::string_view> names;
  for (const auto region : regions) {
    EXPECT_EQ(regions[static_cast<std::size_t>(region)], region);
    names.push_back(to_string(region));
    EXPECT_FALSE(names.back().empty());
  }
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::unique(names.begin(), names.end()), names.end());
}

TEST(AsPrintedInMaps, EscapesNewlinesOnly) {
  EXPECT_EQ(as_printed_in_maps("/a b\nc\\d (deleted)"), "/a b\\012c\\d (deleted)");
}

TEST(MappingTotals, CountDeletedFilesButNotWhatNeverHadAName) {
  MappingTotals totals;
  RegionClassifier classifier({.executable = "/bin/program (deleted)"});
  for (const char* maps :
       {"1000-2000 r-xp 0 fe:00 5 /bin/program (deleted)", "2000-4000 rw-p 0 00:00 0 ",
        "10000-20000 rw-s 0 00:01 6 /memfd:x (deleted)",
        "20000-30000 rw-s 0 00:01 7 /dev/zero (deleted)",
        "30000-40000 rw-s 0 00:01 0 /SYSV00000000 (deleted)",
        "40000-50000 rw-p 0 00:11 8 /anon_hugepage (deleted)",
        "50000-60000 r--p 0 fe:00 9 /lib/libold.so.1 (deleted)",
        "60000-70000 r--s 0 fe:00 9 /srv/data (deleted)", "70000-80000 r--s 0 fe:00 9 /srv/data"}) {
    const auto entry = entry_of(maps, "");
    totals.add(entry, classifier.next(entry));
  }
  EXPECT_EQ(totals.deleted_files, Bytes{0x1000 + 0x10000 + 0x10000});
}

TEST(MappingTotals, CountWritableExecutableMappings) {
  MappingTotals totals;
  RegionClassifier classifier({.executable = "/bin/program"});
  for (const char* maps :
       {"1000-2000 rwxp 0 00:00 0 ", "2000-4000 rwxs 0 00:01 6 /memfd:jit (deleted)",
        "4000-8000 r-xp 0 00:00 0 ", "8000-9000 rw-p 0 00:00 0 "}) {
    const auto entry = entry_of(maps, "");
    totals.add(entry, classifier.next(entry));
  }
  EXPECT_EQ(totals.writable_executable, Bytes{0x3000});
}

TEST(MappingTotals, AddUpAndLeaveAbsentWhatIsUnknown) {
  MappingTotals one;
  SmapsEntry entry = entry_of("1000-2000 rw-p 0 00:00 0 [heap]", "");
  one.add(entry, Region::heap);
  EXPECT_EQ(one[Region::heap].mappings, 1u);
  EXPECT_EQ(one[Region::heap].virtual_size, Bytes{0x1000});
  EXPECT_FALSE(one[Region::heap].resident);
  EXPECT_FALSE(one[Region::heap].uss);
  EXPECT_EQ(one[Region::stack].mappings, 0u);

  entry.memory.resident = Bytes{4096};
  entry.memory.pss = Bytes{2048};
  entry.memory.private_clean = Bytes{1};
  entry.memory.private_dirty = Bytes{2};
  entry.memory.swap = Bytes{8};
  MappingTotals two;
  two.add(entry, Region::heap);
  two.add(one);
  EXPECT_EQ(two[Region::heap].mappings, 2u);
  EXPECT_EQ(two[Region::heap].virtual_size, Bytes{0x2000});
  EXPECT_EQ(two[Region::heap].resident, Bytes{4096});
  EXPECT_EQ(two[Region::heap].pss, Bytes{2048});
  EXPECT_EQ(two[Region::heap].uss, Bytes{3});
  EXPECT_EQ(two[Region::heap].swap, Bytes{8});
}

}  // namespace
}  // namespace memory_exporter::process
