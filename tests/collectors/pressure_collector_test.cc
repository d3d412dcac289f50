#include <gtest/gtest.h>

#include "collectors/builtin.h"
#include "tests/collectors/fixture_tree.h"
#include "tests/collectors/text_sink.h"

namespace memory_exporter {
namespace {

std::string collected_from(const FixtureTree& tree) {
  return collected(tree.trees(), *make_pressure_collector(tree.trees(), CollectorOptions{}));
}

TEST(PressureCollector, WritesTheTotalsInSeconds) {
  FixtureTree tree;
  tree.write("proc/pressure/memory",
             "some avg10=0.00 avg60=1.34 avg300=0.27 total=81722114\n"
             "full avg10=0.00 avg60=1.20 avg300=0.25 total=75000000\n");
  EXPECT_EQ(collected_from(tree),
            "memory_pressure_waiting_seconds_total 81.722114\n"
            "memory_pressure_stalled_seconds_total 75\n");
}

TEST(PressureCollector, WritesNothingWhereTheKernelHasNoPsi) {
  EXPECT_EQ(collected_from(FixtureTree()), "");
}

// The file is there and reading it fails where PSI was switched off at boot (psi=0).
TEST(PressureCollector, TakesPsiSwitchedOffForAMissingFile) {
  EXPECT_EQ(procfs::error_of(EOPNOTSUPP, "pressure/memory").kind, ErrorKind::vanished);
}

TEST(PressureCollector, LeavesOutAMalformedLine) {
  FixtureTree tree;
  tree.write("proc/pressure/memory", "some total=1\nfull total=\n");
  EXPECT_EQ(collected_from(tree),
            "memory_pressure_waiting_seconds_total 1e-06\nerror: pressure: malformed: " +
                tree.path("proc/pressure/memory") +
                ":2: expected \"some|full ... total=microseconds\"\n");
}

TEST(PressureCollector, WritesNothingWhereTheFileIsDenied) {
  FixtureTree tree;
  tree.write("proc/pressure/memory", "some total=1\n").forbid("proc/pressure/memory");
  const Unprivileged unprivileged;
  EXPECT_EQ(collected_from(tree), "error: pressure: denied: " + tree.path("proc/pressure/memory") +
                                      ": Permission denied\n");
}

}  // namespace
}  // namespace memory_exporter
