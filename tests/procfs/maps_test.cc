#include "collectors/procfs/maps.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/procfs/captures.h"

namespace memory_exporter::procfs {
namespace {

std::optional<Vma> parsed(std::string_view line) {
  Vma vma;
  if (!parse_vma(line, vma)) return std::nullopt;
  return vma;
}

TEST(ParseVma, ReadsEveryFieldOfALine) {
  const auto vma = parsed(
      "7ff219934000-7ff219a8a000 r-xp 00026000 fe:1c 332835                     "
      "/usr/lib/x86_64-linux-gnu/libc.so.6");
  ASSERT_TRUE(vma);
  EXPECT_EQ(vma->start, 0x7ff219934000u);
  EXPECT_EQ(vma->end, 0x7ff219a8a000u);
  EXPECT_TRUE(vma->readable);
  EXPECT_FALSE(vma->writable);
  EXPECT_TRUE(vma->executable);
  EXPECT_FALSE(vma->shared);
  EXPECT_EQ(vma->offset, 0x26000u);
  EXPECT_EQ(vma->device_major, 0xfeu);
  EXPECT_EQ(vma->device_minor, 0x1cu);
  EXPECT_EQ(vma->inode, 332835u);
  EXPECT_EQ(vma->path, "/usr/lib/x86_64-linux-gnu/libc.so.6");
  EXPECT_EQ(vma->size(), Bytes{0x156000});
}

TEST(ParseVma, ReadsPermissions) {
  const auto of = [](const std::string& permissions) {
    const auto vma = parsed("1000-2000 " + permissions + " 0 00:00 0 ");
    EXPECT_TRUE(vma) << permissions;
    return vma.value_or(Vma{});
  };
  EXPECT_FALSE(of("---p").accessible());
  EXPECT_TRUE(of("--xp").accessible());
  EXPECT_TRUE(of("rw-p").writable);
  EXPECT_TRUE(of("rwxs").shared);
  EXPECT_TRUE(of("rwxs").executable);
  EXPECT_FALSE(of("rwxp").shared);
}

TEST(ParseVma, ReadsTheEndsOfTheAddressSpace) {
  EXPECT_EQ(parsed("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0   [vsyscall]")->start,
            0xffffffffff600000u);
  EXPECT_EQ(parsed("00000000-ffffffffffffffff rw-p 00000000 00:00 0 ")->size(), Bytes{UINT64_MAX});
  EXPECT_EQ(parsed("08048000-08049000 r-xp fffffffffffff000 00:00 18446744073709551615 /x")->offset,
            0xfffffffffffff000u);
}

TEST(ParseVma, TakesAnyPathAsTheKernelPrintsIt) {
  for (const std::string path : {"",
                                 "[heap]",
                                 "[stack]",
                                 "[stack:1234]",
                                 "[vdso]",
                                 "[vvar]",
                                 "[vvar_vclock]",
                                 "[vsyscall]",
                                 "[anon:io buffers (hot)]",
                                 "[anon_shmem:ring]",
                                 "/memfd:pool with space (deleted)",
                                 "/SYSV00000000 (deleted)",
                                 "/dev/shm/queue",
                                 "/dev/zero (deleted)",
                                 "/tmp/odd\\012name with space (deleted)",
                                 "/tmp/a:b (deleted)",
                                 "/anon_hugepage (deleted)",
                                 "anon_inode:[io_uring]",
                                 "/\xff\xfe",
                                 "/two  spaces",
                                 "/-x 0 00:00 0"}) {
    const auto line = "7f6c4427c000-7f6c4427d000 rw-s 00000000 00:15 2          " + path;
    const auto vma = parsed(line);
    ASSERT_TRUE(vma) << path;
    EXPECT_EQ(vma->path, path);
  }
}

TEST(ParseVma, RefusesAnotherForm) {
  for (const char* line : {"",
                           " ",
                           "1000",
                           "1000-",
                           "1000-2000",
                           "1000-2000 ",
                           "1000-2000 rw-p",
                           "1000-2000 rw-p 0",
                           "1000-2000 rw-p 0 0",
                           "1000-2000 rw-p 0 0:",
                           "1000-2000 rw-p 0 0:0",
                           "1000-2000 rw-p 0 0:0 ",
                           "1000-2000 rw-p 0 0:0 x",
                           "1000-2000 rw-p 0 0:0 1x",
                           "1000-2000 rw-p 0 0:0 /x",
                           "1000-2000 rw-  0 0:0 0 ",
                           "1000-2000 wr-p 0 0:0 0 ",
                           "1000-2000 rw-q 0 0:0 0 ",
                           "1000-2000 rw-pp 0 0:0 0 ",
                           "1000 2000 rw-p 0 0:0 0 ",
                           "x000-2000 rw-p 0 0:0 0 ",
                           "1000-2000 rw-p x 0:0 0 ",
                           "-1000-2000 rw-p 0 0:0 0 ",
                           "1000--2000 rw-p 0 0:0 0 ",
                           "2000-1000 rw-p 0 0:0 0 ",
                           "1000-1000 rw-p 0 0:0 0 ",
                           "0x1000-0x2000 rw-p 0 0:0 0 ",
                           "10000000000000000-20000000000000000 rw-p 0 0:0 0 ",
                           "1000-2000 rw-p 10000000000000000 0:0 0 ",
                           "1000-2000 rw-p 0 100000000:0 0 ",
                           "1000-2000 rw-p 0 0:0 99999999999999999999 ",
                           "Rss:                   8 kB"}) {
    EXPECT_FALSE(parsed(line)) << line;
  }
}

TEST(ForEachVma, ReadsTheOddMappingsOfEveryKernel) {
  struct Expected {
    const char* version;
    std::size_t vmas;
    std::uint64_t kib;  ///< VmSize of the same moment, [vsyscall] apart
  };
  for (const auto& expected :
       {Expected{"linux-5.10", 43, 24156}, Expected{"linux-6.1", 43, 24156},
        Expected{"linux-6.12", 43, 24156}, Expected{"linux-6.18", 45, 24160}}) {
    std::vector<std::string> paths;
    Bytes total;
    const auto walked =
        for_each_vma(capture(expected.version + std::string("/maps")), [&](const Vma& vma) {
          paths.emplace_back(vma.path);
          if (vma.path != "[vsyscall]") total += vma.size();
        });
    ASSERT_TRUE(walked) << walked.error().message();
    EXPECT_EQ(paths.size(), expected.vmas) << expected.version;
    EXPECT_EQ(total, Bytes::from_kib(expected.kib)) << expected.version;
    for (const char* path :
         {"[heap]", "[stack]", "[vdso]", "[vvar]", "/memfd:pool with space (deleted)",
          "/SYSV00000000 (deleted)", "/dev/shm/queue", "/dev/zero", "/dev/zero (deleted)",
          "/anon_hugepage (deleted)", "anon_inode:[io_uring]", "anon_inode:[perf_event]"}) {
      EXPECT_EQ(std::count(paths.begin(), paths.end(), path) > 0, true)
          << path << " in " << expected.version;
    }
  }
}

TEST(ForEachVma, FindsNothingInAnEmptyFile) {
  EXPECT_TRUE(for_each_vma("", [](const Vma&) { FAIL(); }));
}

TEST(ForEachVma, NamesTheLineThatHasAnotherForm) {
  const auto walked = for_each_vma("1000-2000 rw-p 0 0:0 0 \nnonsense\n", [](const Vma&) {});
  ASSERT_FALSE(walked);
  EXPECT_EQ(walked.error().kind, ErrorKind::malformed);
  EXPECT_EQ(walked.error().line, 2);
}

TEST(ForEachVma, RefusesATextCutInsideALineAtAnyByte) {
  const auto text = capture("linux-6.18/maps");
  for (std::size_t size = 1; size < text.size(); ++size) {
    const auto walked = for_each_vma(text.substr(0, size), [](const Vma&) {});
    EXPECT_EQ(walked.ok(), text[size - 1] == '\n') << "cut to " << size;
  }
}

TEST(MapsParser, GivesTheSameInPiecesOfAnySize) {
  const auto text = capture("linux-6.18/maps");
  const auto describe = [](const Vma& vma) {
    return std::to_string(vma.start) + ' ' + std::string(vma.path);
  };
  std::vector<std::string> whole;
  ASSERT_TRUE(for_each_vma(text, [&](const Vma& vma) { whole.push_back(describe(vma)); }));
  for (std::size_t piece = 1; piece < text.size(); piece += 7) {
    MapsParser parser;
    std::vector<std::string> seen;
    std::string pending;
    for (std::size_t at = 0; at <= text.size(); at += piece) {
      pending += text.substr(at, piece);
      const auto taken = parser.parse(pending, at + piece > text.size(),
                                      [&](const Vma& vma) { seen.push_back(describe(vma)); });
      ASSERT_TRUE(taken) << taken.error().message();
      pending.erase(0, *taken);
    }
    EXPECT_TRUE(pending.empty());
    EXPECT_EQ(seen, whole) << "pieces of " << piece;
  }
}

TEST(ParseVma, TheKernelsOwnPageIsNoMappingOfTheProcess) {
  const auto is_gate = [](const std::string& name) {
    const auto line = "ffff0000-ffff1000 r-xp 00000000 00:00 0  " + name;
    Vma vma;
    EXPECT_TRUE(parse_vma(line, vma));
    return vma.is_gate();
  };
  EXPECT_TRUE(is_gate("[vsyscall]"));
#ifndef __aarch64__
  EXPECT_TRUE(is_gate("[vectors]"));
#endif
  for (const char* name : {"[vdso]", "[sigpage]", "[stack]", "/[vectors]", "[vectors]x", ""}) {
    EXPECT_FALSE(is_gate(name)) << name;
  }
}

}  // namespace
}  // namespace memory_exporter::procfs
