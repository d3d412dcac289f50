#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/builtin.h"
#include "tests/collectors/fixture_tree.h"
#include "tests/collectors/text_sink.h"

namespace memory_exporter {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string collected_from(const FixtureTree& tree) {
  return collected(tree.trees(), *make_overcommit_collector(tree.trees(), CollectorOptions{}));
}

/// The sysctls of a machine with 24 GiB as it boots, kernel 6.18.
void write_defaults(FixtureTree& tree) {
  tree.write("proc/sys/vm/overcommit_memory", "0\n")
      .write("proc/sys/vm/overcommit_ratio", "50\n")
      .write("proc/sys/vm/overcommit_kbytes", "0\n")
      .write("proc/sys/vm/admin_reserve_kbytes", "8192\n")
      .write("proc/sys/vm/user_reserve_kbytes", "100405\n")
      .write("proc/sys/vm/swappiness", "60\n")
      .write("proc/sys/vm/min_free_kbytes", "67584\n")
      .write("proc/sys/vm/max_map_count", "65530\n")
      .write("proc/sys/vm/mmap_min_addr", "4096\n")
      .write("proc/sys/kernel/randomize_va_space", "2\n")
      .write("proc/meminfo",
             "MemTotal: 24684092 kB\nCommitLimit:    12342044 kB\nCommitted_AS:      64748 kB\n");
}

TEST(OvercommitCollector, WritesThePolicyAndWhatItRestsOn) {
  FixtureTree tree;
  write_defaults(tree);
  EXPECT_EQ(collected_from(tree),
            "memory_overcommit_policy{policy=\"heuristic\"} 1\n"
            "memory_overcommit_policy{policy=\"always\"} 0\n"
            "memory_overcommit_policy{policy=\"never\"} 0\n"
            "memory_overcommit_limit_bytes 12638253056\n"
            "memory_overcommit_committed_bytes 66301952\n"
            "memory_overcommit_ratio 0.5\n"
            "memory_overcommit_fixed_bytes 0\n"
            "memory_overcommit_admin_reserve_bytes 8388608\n"
            "memory_overcommit_user_reserve_bytes 102814720\n"
            "memory_swappiness 60\n"
            "memory_min_free_bytes 69206016\n"
            "memory_mappings_limit 65530\n"
            "memory_mmap_min_address_bytes 4096\n"
            "memory_address_space_randomization{mode=\"off\"} 0\n"
            "memory_address_space_randomization{mode=\"partial\"} 0\n"
            "memory_address_space_randomization{mode=\"full\"} 1\n");
}

TEST(OvercommitCollector, WritesThePolicyNever) {
  FixtureTree tree;
  tree.write("proc/sys/vm/overcommit_memory", "2\n")
      .write("proc/sys/vm/overcommit_ratio", "80\n")
      .write("proc/sys/vm/overcommit_kbytes", "18446744073709551615\n");
  EXPECT_EQ(collected_from(tree),
            "memory_overcommit_policy{policy=\"heuristic\"} 0\n"
            "memory_overcommit_policy{policy=\"always\"} 0\n"
            "memory_overcommit_policy{policy=\"never\"} 1\n"
            "memory_overcommit_ratio 0.8\n");  // no machine can have the other
}

TEST(OvercommitCollector, WritesWhatIsThere) {
  FixtureTree tree;
  EXPECT_EQ(collected_from(tree), "");
  tree.write("proc/sys/vm/swappiness", "1\n");
  EXPECT_EQ(collected_from(tree), "memory_swappiness 1\n");
  tree.write("proc/meminfo", "MemTotal: 4 kB\n");
  EXPECT_EQ(collected_from(tree), "memory_swappiness 1\n");
}

TEST(OvercommitCollector, LeavesOutWhatIsMalformed) {
  const struct {
    const char* path;
    const char* text;
    const char* expected;
    const char* absent;
  } cases[] = {
      {"proc/sys/vm/overcommit_memory", "always\n", ":1: expected a single number",
       "memory_overcommit_policy"},
      {"proc/sys/vm/overcommit_ratio", "5", ": expected a number and a newline",
       "memory_overcommit_ratio"},
      {"proc/sys/vm/overcommit_ratio", "-5\n", ":1: expected a single number",
       "memory_overcommit_ratio"},
      {"proc/sys/vm/max_map_count", "", ": expected a number and a newline",
       "memory_mappings_limit"},
      {"proc/sys/vm/mmap_min_addr", "99999999999999999999\n", ":1: expected a single number",
       "memory_mmap_min_address_bytes"},
      {"proc/meminfo", "MemTotal: 8 kB\nCommitLimit: 8\n",
       ":2: expected \"Key: value\" with a value of the kernel's form",
       "memory_overcommit_limit_bytes"},
  };
  for (const auto& [path, text, expected, absent] : cases) {
    FixtureTree tree;
    write_defaults(tree);
    tree.write(path, text);
    const auto written = collected_from(tree);
    EXPECT_THAT(written, HasSubstr(": malformed: " + tree.path(path) + expected + "\n"));
    EXPECT_THAT(written, Not(HasSubstr(absent)));
    EXPECT_THAT(written, HasSubstr("memory_swappiness 60\n"));
  }
}

// Kernels that take any number read it as their code does.
TEST(OvercommitCollector, ReadsANumberThatIsNoStateAsTheKernelDoes) {
  const struct {
    const char* path;
    const char* number;
    const char* state;
  } cases[] = {
      {"proc/sys/vm/overcommit_memory", "3\n", "memory_overcommit_policy{policy=\"never\"} 1\n"},
      {"proc/sys/vm/overcommit_memory", "-1\n", "memory_overcommit_policy{policy=\"never\"} 1\n"},
      {"proc/sys/kernel/randomize_va_space", "3\n",
       "memory_address_space_randomization{mode=\"full\"} 1\n"},
      {"proc/sys/kernel/randomize_va_space", "-1\n",
       "memory_address_space_randomization{mode=\"partial\"} 1\n"},
  };
  for (const auto& [path, number, state] : cases) {
    FixtureTree tree;
    write_defaults(tree);
    tree.write(path, number);
    const auto written = collected_from(tree);
    EXPECT_THAT(written, HasSubstr(state)) << number;
    EXPECT_THAT(written, Not(HasSubstr("error"))) << number;
  }
}

TEST(OvercommitCollector, LeavesOutWhatIsDenied) {
  FixtureTree tree;
  write_defaults(tree);
  tree.forbid("proc/sys/vm/mmap_min_addr");
  const Unprivileged unprivileged;
  const auto written = collected_from(tree);
  EXPECT_THAT(written, HasSubstr("memory_swappiness 60\n"));
  EXPECT_THAT(written, HasSubstr("error: mmap_min_addr: denied: " +
                                 tree.path("proc/sys/vm/mmap_min_addr") + ": Permission denied\n"));
}

}  // namespace
}  // namespace memory_exporter
