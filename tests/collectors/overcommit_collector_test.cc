#include <gtest/gtest.h>

#include "collectors/builtin.h"
#include "tests/collectors/fixture_tree.h"
#include "tests/collectors/text_sink.h"

namespace memory_exporter {
namespace {

std::string collected_from(const FixtureTree& tree) {
  return collected(*make_overcommit_collector(tree.trees(), CollectorOptions{}));
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
            "memory_overcommit_ratio 0.8\n"
            "memory_overcommit_fixed_bytes 18446744073709550592\n");
}

TEST(OvercommitCollector, WritesWhatIsThere) {
  FixtureTree tree;
  EXPECT_EQ(collected_from(tree), "");
  tree.write("proc/sys/vm/swappiness", "1\n");
  EXPECT_EQ(collected_from(tree), "memory_swappiness 1\n");
  tree.write("proc/meminfo", "MemTotal: 4 kB\n");
  EXPECT_EQ(collected_from(tree), "memory_swappiness 1\n");
}

TEST(OvercommitCollector, WritesNothingWhereAFileIsMalformed) {
  const struct {
    const char* path;
    const char* text;
    const char* expected;
  } cases[] = {
      {"proc/sys/vm/overcommit_memory", "3\n", ":1: expected a number below 3"},
      {"proc/sys/vm/overcommit_memory", "always\n", ":1: expected a single number"},
      {"proc/sys/vm/overcommit_ratio", "5", ": expected a number and a newline"},
      {"proc/sys/vm/max_map_count", "", ": expected a number and a newline"},
      {"proc/sys/vm/mmap_min_addr", "99999999999999999999\n", ":1: expected a single number"},
      {"proc/sys/kernel/randomize_va_space", "-1\n", ":1: expected a single number"},
      {"proc/meminfo", "MemTotal: 8 kB\nCommitLimit: 8\n", ":2: unexpected value of CommitLimit"},
  };
  for (const auto& [path, text, expected] : cases) {
    FixtureTree tree;
    write_defaults(tree);
    tree.write(path, text);
    EXPECT_EQ(collected_from(tree), "error: malformed: " + tree.path(path) + expected + "\n");
  }
}

TEST(OvercommitCollector, FailsWhereAFileIsDenied) {
  FixtureTree tree;
  write_defaults(tree);
  tree.forbid("proc/sys/vm/mmap_min_addr");
  const Unprivileged unprivileged;
  EXPECT_EQ(collected_from(tree),
            "error: denied: " + tree.path("proc/sys/vm/mmap_min_addr") + ": Permission denied\n");
}

}  // namespace
}  // namespace memory_exporter
