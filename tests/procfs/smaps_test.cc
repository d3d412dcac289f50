#include "collectors/procfs/smaps.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/procfs/captures.h"

namespace memory_exporter::procfs {
namespace {

constexpr Bytes kib(std::uint64_t amount) {
  return Bytes::from_kib(amount);
}

/// An entry without its views, to be kept and compared.
struct Kept {
  std::uint64_t start;
  std::string path;
  SmapsRollup memory;
  std::string flags;
};

std::vector<Kept> entries(std::string_view text) {
  std::vector<Kept> all;
  const auto walked = for_each_smaps_entry(text, [&](const SmapsEntry& entry) {
    all.push_back(
        {entry.vma.start, std::string(entry.vma.path), entry.memory, std::string(entry.flags)});
  });
  EXPECT_TRUE(walked) << walked.error().message();
  return all;
}

const Kept* find(const std::vector<Kept>& all, std::string_view path) {
  for (const auto& entry : all) {
    if (entry.path == path) return &entry;
  }
  return nullptr;
}

/// One line of an entry as the kernel pads it.
std::string line(const std::string& key, std::uint64_t amount) {
  auto text = key + ':';
  text.resize(16, ' ');
  auto number = std::to_string(amount);
  if (number.size() < 8) number.insert(0, 8 - number.size(), ' ');
  return text + number + " kB\n";
}

const std::string head = "7f6c44279000-7f6c4427a000 rw-p 00000000 00:00 0 \n";

TEST(ForEachSmapsEntry, ReadsAnEntryWhole) {
  const auto all = entries(capture("linux-6.12/smaps"));
  const auto* pool = find(all, "/memfd:pool with space (deleted)");
  ASSERT_NE(pool, nullptr);
  EXPECT_EQ(pool->start, 0x7f9ab826e000u);
  EXPECT_EQ(pool->memory.resident, kib(12));
  EXPECT_EQ(pool->memory.pss, kib(12));
  EXPECT_EQ(pool->memory.pss_dirty, kib(12));
  EXPECT_EQ(pool->memory.shared_clean, kib(0));
  EXPECT_EQ(pool->memory.private_clean, kib(0));
  EXPECT_EQ(pool->memory.private_dirty, kib(12));
  EXPECT_EQ(pool->memory.uss(), kib(12));
  EXPECT_EQ(pool->memory.referenced, kib(12));
  EXPECT_EQ(pool->memory.anonymous, kib(0));
  EXPECT_EQ(pool->memory.ksm, kib(0));
  EXPECT_EQ(pool->memory.swap, kib(0));
  EXPECT_EQ(pool->memory.locked, kib(0));
  EXPECT_FALSE(pool->memory.pss_anon);
  EXPECT_EQ(pool->flags, "rd wr sh mr mw me ms sd");
}

TEST(ForEachSmapsEntry, ReadsHugetlbPagesAndTheirFlag) {
  for (const char* version : {"linux-5.10", "linux-6.1", "linux-6.12", "linux-6.18"}) {
    int pages = 0;
    const auto text = capture(version + std::string("/smaps"));
    ASSERT_TRUE(for_each_smaps_entry(text, [&](const SmapsEntry& entry) {
      const bool huge = entry.vma.path == "/anon_hugepage (deleted)";
      EXPECT_EQ(entry.has_flag("ht"), huge);
      if (!huge) return;
      ++pages;
      EXPECT_EQ(entry.memory.private_hugetlb, kib(2048));
      EXPECT_EQ(entry.memory.resident, kib(0));
    }));
    EXPECT_EQ(pages, 2) << version;
  }
}

TEST(ForEachSmapsEntry, AddsUpToTheRollupOfTheSameProcess) {
  for (const char* version : {"linux-5.10", "linux-6.1", "linux-6.12", "linux-6.18"}) {
    SmapsRollup sum;
    std::uint64_t count = 0;
    const auto text = capture(version + std::string("/smaps"));
    ASSERT_TRUE(for_each_smaps_entry(text, [&](const SmapsEntry& entry) {
      if (count == 0) {
        sum = entry.memory;
      } else {
        add_complete(sum, entry.memory);
      }
      ++count;
    }));
    const auto whole = *parse_smaps_rollup(capture(version + std::string("/smaps_rollup")));
    EXPECT_EQ(sum.resident, whole.resident) << version;
    EXPECT_EQ(sum.uss(), whole.uss()) << version;
    EXPECT_EQ(sum.swap, whole.swap) << version;
    EXPECT_EQ(sum.private_hugetlb, whole.private_hugetlb) << version;
    EXPECT_LE(*sum.pss, *whole.pss) << version;
    EXPECT_GE(*sum.pss + kib(count), *whole.pss) << version;
  }
}

TEST(ForEachSmapsEntry, AgreesWithMapsOnEveryMapping) {
  const auto smaps = capture("linux-6.18/smaps");
  std::vector<std::string> heads;
  ASSERT_TRUE(for_each_smaps_entry(smaps, [&](const SmapsEntry& entry) {
    heads.push_back(std::to_string(entry.vma.start) + std::string(entry.vma.path));
  }));
  std::vector<std::string> lines;
  const auto maps = capture("linux-6.18/maps");
  ASSERT_TRUE(for_each_vma(maps, [&](const Vma& vma) {
    lines.push_back(std::to_string(vma.start) + std::string(vma.path));
  }));
  EXPECT_EQ(heads, lines);
}

TEST(ForEachSmapsEntry, FindsNothingInAnEmptyFile) {
  EXPECT_TRUE(for_each_smaps_entry("", [](const SmapsEntry&) { FAIL(); }));
}

TEST(ForEachSmapsEntry, ReadsFiguresOfAnyWidth) {
  for (const std::uint64_t amount :
       {0ull, 7ull, 99'999'999ull, 100'000'000ull, 70'368'744'177'664ull}) {
    const auto all = entries(head + line("Size", amount) + line("Rss", amount) +
                             line("Private_Hugetlb", amount) + "VmFlags: rd \n");
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].memory.resident, kib(amount));
    EXPECT_EQ(all[0].memory.private_hugetlb, kib(amount));
    EXPECT_EQ(all[0].flags, "rd");
  }
}

TEST(ForEachSmapsEntry, LeavesAnAmountThatNoMachineCanHoldAbsent) {
  const auto all = entries(head + line("Rss", 8) + line("Pss", 18'014'398'504'239'104ull));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].memory.resident, kib(8));
  EXPECT_FALSE(all[0].memory.pss);
}

TEST(ForEachSmapsEntry, SaysWhichFiguresASumWouldLack) {
  SmapsRollup sum;
  SmapsFieldSet unknown;
  const auto walked =
      for_each_smaps_entry(head + line("Rss", 8) + line("Swap", 18'014'398'504'239'104ull),
                           [&](const SmapsEntry& entry) {
                             add_known(sum, entry.memory);
                             unknown |= entry.unknown;
                           });
  ASSERT_TRUE(walked);
  sum.swap = kib(4);  // of another mapping
  leave_absent(sum, unknown);
  EXPECT_EQ(sum.resident, kib(8));
  EXPECT_FALSE(sum.swap);
}

TEST(ForEachSmapsEntry, ReadsFieldsInAnyOrderAndPassesOverTheUnknown) {
  const auto all =
      entries(head + "Name:           [anon:libc_malloc]\n" + line("Swap", 3) + line("Rss", 2) +
              line("Unheard_Of", 9) + "THPeligible:    0\n" + "ProtectionKey:         0\n" +
              "NoColon\n" + "Short: 1 kB\n" + line("Pss", 1) + "VmFlags: rd wr mr mw me ac \n");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].memory.swap, kib(3));
  EXPECT_EQ(all[0].memory.resident, kib(2));
  EXPECT_EQ(all[0].memory.pss, kib(1));
  EXPECT_EQ(all[0].flags, "rd wr mr mw me ac");
}

TEST(ForEachSmapsEntry, CarriesNothingOverToTheNextEntry) {
  const auto all = entries(head + line("Rss", 5) + "VmFlags: rd \n" + head + line("Pss", 6));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_FALSE(all[1].memory.resident);
  EXPECT_EQ(all[1].memory.pss, kib(6));
  EXPECT_EQ(all[1].flags, "");
}

TEST(ForEachSmapsEntry, IsNotFooledByTheLengthOfALine) {
  // Two short lines whose ends fall where those of one plain line would.
  const auto all = entries(head + "Aa:\nRss:            7777 kB\n" + line("Pss", 1));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].memory.resident, kib(7777));
  EXPECT_EQ(all[0].memory.pss, kib(1));
}

TEST(ForEachSmapsEntry, IsNotFooledByTheLengthOfALineOfNoUse) {
  const auto all = entries(head + "MMUPageSize:    \nPss:  7 kB\n");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].memory.pss, kib(7));
}

TEST(ForEachSmapsEntry, NamesTheLineThatHasAnotherForm) {
  const std::string good = head + line("Rss", 1) + "VmFlags: rd \n";
  for (const std::string bad : {"Rss:                   x kB\n", "Rss:                     kB\n",
                                "Rss:                1 2 kB\n", "Rss:                  -1 kB\n",
                                "Rss:                  1. kB\n", "Rss: 1\n", "Rss:\n",
                                "Rss: 99999999999999999999 kB\n", "Rss: 1 kB 2\n"}) {
    const auto walked = for_each_smaps_entry(good + head + bad, [](const SmapsEntry&) {});
    ASSERT_FALSE(walked) << bad;
    EXPECT_EQ(walked.error().kind, ErrorKind::malformed);
    EXPECT_EQ(walked.error().line, 5) << bad;
  }
  EXPECT_EQ(for_each_smaps_entry("Rss: 1 kB\n", [](const SmapsEntry&) {}).error().line, 1);
  EXPECT_EQ(for_each_smaps_entry(good + "7f00 nonsense\n", [](const SmapsEntry&) {}).error().line,
            4);
}

TEST(ForEachSmapsEntry, RefusesATextCutInsideALineAtAnyByte) {
  auto text = capture("linux-6.18/smaps");
  text.resize(text.find("\n7ff", 4000) + 1);
  for (std::size_t size = 1; size <= text.size(); ++size) {
    const auto walked = for_each_smaps_entry(text.substr(0, size), [](const SmapsEntry&) {});
    EXPECT_EQ(walked.ok(), text[size - 1] == '\n') << "cut to " << size;
  }
}

TEST(SmapsParser, GivesTheSameInPiecesOfAnySize) {
  auto text = capture("linux-6.18/smaps");
  const auto whole = entries(text);
  for (const std::size_t piece :
       {1u, 2u, 3u, 27u, 28u, 29u, 100u, 699u, 700u, 701u, 4096u, 40000u}) {
    SmapsParser parser;
    std::size_t seen = 0;
    std::string pending;
    for (std::size_t at = 0; at <= text.size(); at += piece) {
      pending += text.substr(at, piece);
      const bool last = at + piece > text.size();
      const auto taken = parser.parse(pending, last, [&](const SmapsEntry& entry) {
        ASSERT_LT(seen, whole.size());
        EXPECT_EQ(entry.vma.start, whole[seen].start);
        EXPECT_EQ(entry.vma.path, whole[seen].path);
        EXPECT_EQ(entry.flags, whole[seen].flags);
        EXPECT_EQ(entry.memory.pss, whole[seen].memory.pss);
        EXPECT_EQ(entry.memory.locked, whole[seen].memory.locked);
        ++seen;
      });
      ASSERT_TRUE(taken) << taken.error().message();
      pending.erase(0, *taken);
    }
    EXPECT_TRUE(pending.empty());
    EXPECT_EQ(seen, whole.size()) << "pieces of " << piece;
  }
}

TEST(SmapsEntry, HasOnlyTheFlagsThatAreThere) {
  SmapsEntry entry;
  entry.flags = "rd wr mr nh";
  EXPECT_TRUE(entry.has_flag("rd"));
  EXPECT_TRUE(entry.has_flag("mr"));
  EXPECT_TRUE(entry.has_flag("nh"));
  EXPECT_FALSE(entry.has_flag("ht"));
  EXPECT_FALSE(entry.has_flag("r "));
  EXPECT_FALSE(entry.has_flag("d "));
  entry.flags = "";
  EXPECT_FALSE(entry.has_flag("rd"));
}

}  // namespace
}  // namespace memory_exporter::procfs
