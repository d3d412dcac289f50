#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collectors/builtin.h"
#include "tests/collectors/fixture_tree.h"
#include "tests/collectors/text_sink.h"

namespace memory_exporter {
namespace {

std::string collected_from(const FixtureTree& tree) {
  return collected(tree.trees(), *make_numa_collector(tree.trees(), CollectorOptions{}));
}

TEST(NumaCollector, WritesEachNodeInTheOrderOfItsNumber) {
  FixtureTree tree;
  for (const char* node : {"0", "2", "10"}) {
    const auto folder = std::string("sys/devices/system/node/node") + node;
    tree.write(folder + "/meminfo", std::string("Node ") + node + " MemTotal:  8 kB\n" +  //
                                        "Node " + node + " MemUsed:  4 kB\n" +            //
                                        "Node " + node + " NewField:  1 kB\n" +           //
                                        "Node " + node + " HugePages_Total:  1\n")
        .write(folder + "/numastat", "numa_hit 67\nlocal_node 60\nnew_event 1\n");
  }
  tree.write("sys/devices/system/node/online", "0,2,10\n");
  EXPECT_EQ(collected_from(tree),
            "memory_numa_mem_total_bytes{numa_node=\"0\"} 8192\n"
            "memory_numa_mem_total_bytes{numa_node=\"2\"} 8192\n"
            "memory_numa_mem_total_bytes{numa_node=\"10\"} 8192\n"
            "memory_numa_mem_used_bytes{numa_node=\"0\"} 4096\n"
            "memory_numa_mem_used_bytes{numa_node=\"2\"} 4096\n"
            "memory_numa_mem_used_bytes{numa_node=\"10\"} 4096\n"
            "memory_numa_other_bytes{numa_node=\"0\",field=\"NewField\"} 1024\n"
            "memory_numa_other_bytes{numa_node=\"2\",field=\"NewField\"} 1024\n"
            "memory_numa_other_bytes{numa_node=\"10\",field=\"NewField\"} 1024\n"
            "memory_numa_hit_total{numa_node=\"0\"} 67\n"
            "memory_numa_hit_total{numa_node=\"2\"} 67\n"
            "memory_numa_hit_total{numa_node=\"10\"} 67\n"
            "memory_numa_local_node_total{numa_node=\"0\"} 60\n"
            "memory_numa_local_node_total{numa_node=\"2\"} 60\n"
            "memory_numa_local_node_total{numa_node=\"10\"} 60\n");
}

TEST(NumaCollector, LeavesOutWhatANodeDoesNotSay) {
  FixtureTree tree;
  tree.write("sys/devices/system/node/node0/numastat", "numa_hit 1\n")
      .write("sys/devices/system/node/node1/distance", "10\n");
  EXPECT_EQ(collected_from(tree), "memory_numa_hit_total{numa_node=\"0\"} 1\n");
}

TEST(NumaCollector, WritesNothingWithoutNuma) {
  EXPECT_EQ(collected_from(FixtureTree()), "");
}

TEST(NumaCollector, LeavesOutWhatIsMalformed) {
  const std::pair<const char*, const char*> cases[] = {
      {"sys/devices/system/node/node1/meminfo", "MemTotal: 8 kB\n"},
      {"sys/devices/system/node/node1/meminfo", "Node 1 MemTotal: 8 kB\nNode 1 MemFree: 8\n"},
      {"sys/devices/system/node/node1/numastat", "numa_hit\n"}};
  for (const auto& [path, text] : cases) {
    FixtureTree tree;
    tree.write("sys/devices/system/node/node0/meminfo", "Node 0 MemTotal: 8 kB\n")
        .write(path, text);
    const auto written = collected_from(tree);
    EXPECT_THAT(written,
                testing::StartsWith("memory_numa_mem_total_bytes{numa_node=\"0\"} 8192\n"));
    EXPECT_THAT(written, testing::HasSubstr(": malformed: " + tree.path(path) + ":"));
  }
}

TEST(NumaCollector, LeavesOutWhatIsDenied) {
  FixtureTree tree;
  const std::string path = "sys/devices/system/node/node0/meminfo";
  tree.write(path, "Node 0 MemTotal: 8 kB\n").forbid(path);
  const Unprivileged unprivileged;
  EXPECT_EQ(collected_from(tree),
            "error: meminfo: denied: " + tree.path(path) + ": Permission denied\n");
}

}  // namespace
}  // namespace memory_exporter
