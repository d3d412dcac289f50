#include "collectors/procfs/stat.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/procfs/captures.h"

namespace memory_exporter::procfs {
namespace {

/// A line of 52 fields whose numbers from field 4 on are `field`'s results.
template <typename Field>
std::string line_of(const std::string& comm, Field&& field) {
  std::string line = "7 (" + comm + ") S";
  for (int number = 4; number <= 52; ++number) {
    line += ' ';
    line += field(number);
  }
  return line + '\n';
}

std::string line_of(const std::string& comm) {
  return line_of(comm, [](int number) { return std::to_string(number * 10); });
}

struct Capture {
  const char* name;
  const char* path;
  Stat stat;
};

class StatCapture : public testing::TestWithParam<Capture> {};

TEST_P(StatCapture, ReadsEveryField) {
  const auto text = capture(GetParam().path);
  const auto stat = parse_stat(text);
  ASSERT_TRUE(stat) << stat.error().message();
  const auto& expected = GetParam().stat;
  EXPECT_EQ(stat->pid, expected.pid);
  EXPECT_EQ(stat->comm, expected.comm);
  EXPECT_EQ(stat->state, expected.state);
  EXPECT_EQ(stat->ppid, expected.ppid);
  EXPECT_EQ(stat->flags, expected.flags);
  EXPECT_EQ(stat->minor_faults, expected.minor_faults);
  EXPECT_EQ(stat->major_faults, expected.major_faults);
  EXPECT_EQ(stat->user_ticks, expected.user_ticks);
  EXPECT_EQ(stat->system_ticks, expected.system_ticks);
  EXPECT_EQ(stat->threads, expected.threads);
  EXPECT_EQ(stat->start_time, expected.start_time);
  EXPECT_EQ(stat->virtual_size, expected.virtual_size);
  EXPECT_EQ(stat->start_code, expected.start_code);
  EXPECT_EQ(stat->start_stack, expected.start_stack);
}

const Capture captures[] = {
    {"linux_4_14",
     "linux-4.14/stat",
     {.pid = 812,
      .comm = "sshd",
      .state = 'S',
      .ppid = 1,
      .flags = 4194560,
      .minor_faults = 1301,
      .major_faults = 9,
      .user_ticks = 3,
      .system_ticks = 4,
      .threads = 1,
      .start_time = 1421,
      .virtual_size = Bytes{74031104},
      .start_code = 94355573645312,
      .start_stack = 140725606432112}},
    {"linux_5_10",
     "linux-5.10/stat",
     {.pid = 82,
      .comm = "odd) R 1 (x\n",
      .state = 'S',
      .ppid = 1,
      .flags = 4194560,
      .minor_faults = 110,
      .major_faults = 11,
      .user_ticks = 1,
      .system_ticks = 3,
      .threads = 3,
      .start_time = 145,
      .virtual_size = Bytes{24735744},
      .start_code = 94245233569792,
      .start_stack = 140721477517520}},
    {"linux_6_1",
     "linux-6.1/stat",
     {.pid = 91,
      .comm = "odd) R 1 (x\n",
      .state = 'S',
      .ppid = 1,
      .flags = 4194560,
      .minor_faults = 119,
      .major_faults = 0,
      .user_ticks = 1,
      .system_ticks = 3,
      .threads = 3,
      .start_time = 125,
      .virtual_size = Bytes{24735744},
      .start_code = 94128637923328,
      .start_stack = 140734791204880}},
    {"linux_6_12",
     "linux-6.12/stat",
     {.pid = 141,
      .comm = "odd) R 1 (x\n",
      .state = 'S',
      .ppid = 1,
      .flags = 4194560,
      .minor_faults = 120,
      .major_faults = 0,
      .user_ticks = 2,
      .system_ticks = 4,
      .threads = 3,
      .start_time = 147,
      .virtual_size = Bytes{24735744},
      .start_code = 94744581177344,
      .start_stack = 140720961531424}},
    {"linux_6_18",
     "linux-6.18/stat",
     {.pid = 31150,
      .comm = "odd) R 1 (x\n",
      .state = 'S',
      .ppid = 31145,
      .flags = 4194560,
      .minor_faults = 235,
      .major_faults = 1,
      .user_ticks = 0,
      .system_ticks = 0,
      .threads = 3,
      .start_time = 395009,
      .virtual_size = Bytes{24739840},
      .start_code = 93944702267392,
      .start_stack = 140724954312416}},
    {"linux_6_18_kernel_thread",
     "linux-6.18/kthreadd/stat",
     {.pid = 2,
      .comm = "kthreadd",
      .state = 'S',
      .ppid = 0,
      .flags = 2129984,
      .threads = 1,
      .start_time = 24}},
};

INSTANTIATE_TEST_SUITE_P(Kernels, StatCapture, testing::ValuesIn(captures),
                         [](const auto& given) { return std::string(given.param.name); });

TEST(ParseStat, KnowsAKernelThreadByItsFlag) {
  for (const char* version : {"linux-5.10", "linux-6.1", "linux-6.12", "linux-6.18"}) {
    const auto kernel = capture(std::string(version) + "/kthreadd/stat");
    const auto user = capture(std::string(version) + "/stat");
    EXPECT_TRUE(parse_stat(kernel)->is_kernel_thread()) << version;
    EXPECT_FALSE(parse_stat(user)->is_kernel_thread()) << version;
  }
}

TEST(ParseStat, KnowsAZombieByItsState) {
  // Captured: kernel 6.18, a child that its parent has not waited for.
  const auto zombie = parse_stat(
      "28597 (true) Z 28595 28588 3684 0 -1 4227084 132 0 1 0 0 0 0 0 20 0 1 0 196625 0 0 "
      "18446744073709551615 0 0 0 0 0 0 0 6 0 1 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n");
  ASSERT_TRUE(zombie) << zombie.error().message();
  EXPECT_TRUE(zombie->is_zombie());
  EXPECT_FALSE(zombie->is_being_reaped());
  EXPECT_EQ(zombie->virtual_size, Bytes{0});
}

TEST(ParseStat, KnowsAProcessThatIsBeingReaped) {
  const auto reaped = line_of("x", [](int number) {
    const bool is_zero = number == 20 || number == 23 || number == 26 || number == 28;
    return is_zero ? "0" : "1";
  });
  ASSERT_TRUE(parse_stat(reaped));
  EXPECT_TRUE(parse_stat(reaped)->is_being_reaped());
}

TEST(ParseStat, TakesAnyCommAsItIs) {
  using namespace std::string_literals;
  for (const auto& comm : {""s, " "s, ")"s, "("s, ") R 1 1 1 1"s, "a) S 1 (b"s, "two words"s,
                           "line\nbreak"s, "\n"s, "\xff\xfe\x80"s, "caf\xc3\xa9"s, "nul\0byte"s,
                           "tab\there"s, "\\"s, "\"quoted\""s, "kworker/u4:2-events_unbound"s}) {
    const auto text = line_of(comm);
    const auto stat = parse_stat(text);
    ASSERT_TRUE(stat) << comm << ": " << stat.error().message();
    EXPECT_EQ(stat->comm, comm);
    EXPECT_EQ(stat->pid, 7);
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->ppid, 40);
    EXPECT_EQ(stat->start_stack, 280u);
  }
}

TEST(ParseStat, ReadsTheWholeRangeOfItsNumbers) {
  const auto text = line_of(
      "x", [](int number) { return number == 4 ? "9223372036854775807" : "18446744073709551615"; });
  const auto stat = parse_stat(text);
  ASSERT_TRUE(stat) << stat.error().message();
  EXPECT_EQ(stat->ppid, INT64_MAX);
  EXPECT_EQ(stat->virtual_size, Bytes{UINT64_MAX});
  EXPECT_EQ(stat->minor_faults, UINT64_MAX);
}

TEST(ParseStat, PassesOverFieldsItDoesNotUse) {
  // Field 8 (tpgid) is -1 without a terminal; fields after 28 may be anything or missing.
  const auto text = line_of("x", [](int number) { return number == 8 ? "-1" : "5"; });
  EXPECT_TRUE(parse_stat(text));
  EXPECT_TRUE(parse_stat("1 (x) S 1 1 1 0 -1 0 1 1 1 1 1 1 1 1 20 0 1 0 5 6 7 8 9 10 11\n"));
}

TEST(ParseStat, RefusesANumberThatIsNone) {
  const std::vector<int> read = {9, 10, 12, 14, 15, 20, 22, 23, 26, 28};
  for (const auto wrong : read) {
    for (const std::string bad :
         {"x", "-1", "1x", "99999999999999999999", "18446744073709551616"}) {
      const auto text =
          line_of("x", [&](int number) { return number == wrong ? bad : std::to_string(number); });
      const auto stat = parse_stat(text);
      ASSERT_FALSE(stat) << "field " << wrong << " = " << bad;
      EXPECT_EQ(stat.error().kind, ErrorKind::malformed);
    }
  }
}

TEST(ParseStat, RefusesAnotherForm) {
  for (const std::string text :
       {"", "\n", "x\n", "1\n", "1 (\n", "1 ()\n", ") 1 (\n", "1 (x) S\n", "1 (x) S 1\n",
        "x (x) S 1 1\n", "1(x) S 1 1\n", "1 2 (x) S 1\n", "(x) S 1 1\n", "1 (x) SS 1 1\n",
        "1 (x) S y 1\n", "99999999999999999999 (x) S 1 1\n"}) {
    const auto stat = parse_stat(text);
    ASSERT_FALSE(stat) << text;
    EXPECT_EQ(stat.error().kind, ErrorKind::malformed);
    EXPECT_FALSE(stat.error().what.empty());
  }
}

TEST(ParseStat, RefusesATextCutAtAnyByte) {
  for (const char* path : {"linux-4.14/stat", "linux-6.18/stat"}) {
    const auto text = capture(path);
    ASSERT_TRUE(parse_stat(text));
    for (std::size_t size = 0; size < text.size(); ++size) {
      EXPECT_FALSE(parse_stat(text.substr(0, size))) << path << " cut to " << size;
    }
  }
}

TEST(Stat, AnyOfItsFiguresTellsOfMemory) {
  Stat stat;
  EXPECT_FALSE(stat.has_memory());
  EXPECT_TRUE(stat.is_being_reaped());
  stat.virtual_size = Bytes{4096};  // gVisor: no addresses
  EXPECT_TRUE(stat.has_memory());
  EXPECT_FALSE(stat.is_being_reaped()) << "one that counts no threads has not ended";
  stat = {};
  stat.start_code = 1;  // without ptrace access
  EXPECT_TRUE(stat.has_memory());
}

}  // namespace
}  // namespace memory_exporter::procfs
