#include <gtest/gtest.h>
#include <unistd.h>

#include "collectors/builtin.h"
#include "tests/collectors/fixture_tree.h"
#include "tests/collectors/text_sink.h"

namespace memory_exporter {
namespace {

using process::GroupTotals;
using process::Snapshot;

Snapshot snapshot_of(GroupTotals totals) {
  Snapshot snapshot;
  snapshot.group_by = {process::dimension_named("name")};
  snapshot.groups.push_back({{"app"}, std::move(totals)});
  return snapshot;
}

std::string collected_from(const FixtureTree& tree, const Snapshot& snapshot) {
  return collected(tree.trees(), *make_process_details_collector(tree.trees(), CollectorOptions{}),
                   snapshot);
}

FixtureTree& with_boot_time(FixtureTree& tree) {
  return tree.write("proc/stat", "cpu  1 2 3\nbtime 1000\n");
}

TEST(ProcessDetailsCollector, WritesEachFieldUnderItsName) {
  GroupTotals totals;
  auto& memory = totals.memory;
  memory.pss_dirty = Bytes{1};
  memory.shared_clean = Bytes{2};
  memory.shared_dirty = Bytes{3};
  memory.private_clean = Bytes{4};
  memory.private_dirty = Bytes{5};
  memory.referenced = Bytes{6};
  memory.anonymous = Bytes{7};
  memory.lazy_free = Bytes{8};
  memory.anon_huge = Bytes{9};
  memory.shmem_huge = Bytes{10};
  memory.file_huge = Bytes{11};
  memory.ksm = Bytes{12};
  auto& status = totals.status;
  status.locked = Bytes{13};
  status.pinned = Bytes{14};
  status.page_tables = Bytes{15};
  status.data = Bytes{16};
  status.stack = Bytes{17};
  status.text = Bytes{18};
  status.library = Bytes{19};
  status.resident_peak = Bytes{20};
  status.virtual_peak = Bytes{21};
  totals.oom_score = 22;
  totals.oldest_start = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)) * 5 / 2;
  FixtureTree tree;
  EXPECT_EQ(collected_from(with_boot_time(tree), snapshot_of(totals)),
            "memory_group_pss_dirty_bytes{name=\"app\"} 1\n"
            "memory_group_shared_bytes{name=\"app\",state=\"clean\"} 2\n"
            "memory_group_shared_bytes{name=\"app\",state=\"dirty\"} 3\n"
            "memory_group_private_bytes{name=\"app\",state=\"clean\"} 4\n"
            "memory_group_private_bytes{name=\"app\",state=\"dirty\"} 5\n"
            "memory_group_referenced_bytes{name=\"app\"} 6\n"
            "memory_group_anonymous_bytes{name=\"app\"} 7\n"
            "memory_group_lazyfree_bytes{name=\"app\"} 8\n"
            "memory_group_anon_huge_bytes{name=\"app\"} 9\n"
            "memory_group_shmem_huge_bytes{name=\"app\"} 10\n"
            "memory_group_file_huge_bytes{name=\"app\"} 11\n"
            "memory_group_ksm_bytes{name=\"app\"} 12\n"
            "memory_group_locked_bytes{name=\"app\"} 13\n"
            "memory_group_pinned_bytes{name=\"app\"} 14\n"
            "memory_group_page_tables_bytes{name=\"app\"} 15\n"
            "memory_group_segment_bytes{name=\"app\",segment=\"data\"} 16\n"
            "memory_group_segment_bytes{name=\"app\",segment=\"stack\"} 17\n"
            "memory_group_segment_bytes{name=\"app\",segment=\"text\"} 18\n"
            "memory_group_segment_bytes{name=\"app\",segment=\"lib\"} 19\n"
            "memory_group_resident_peak_bytes{name=\"app\"} 20\n"
            "memory_group_virtual_peak_bytes{name=\"app\"} 21\n"
            "memory_group_oom_score{name=\"app\"} 22\n"
            "memory_group_oldest_start_time_seconds{name=\"app\"} 1002.5\n");
}

TEST(ProcessDetailsCollector, WritesNothingForWhatIsUnknown) {
  FixtureTree tree;
  EXPECT_EQ(collected_from(with_boot_time(tree), snapshot_of({})), "");
}

TEST(ProcessDetailsCollector, WithoutABootTimeOnlyTheStartIsMissing) {
  GroupTotals totals;
  totals.oldest_start = 100;
  totals.status.locked = Bytes{8};
  EXPECT_EQ(collected_from(FixtureTree(), snapshot_of(totals)),
            "memory_group_locked_bytes{name=\"app\"} 8\n");
}

TEST(ProcessDetailsCollector, HasAllButTheStartWhereTheBootTimeIsMalformed) {
  GroupTotals totals;
  totals.status.locked = Bytes{8};
  totals.oldest_start = 100;
  FixtureTree tree;
  tree.write("proc/stat", "btime soon\n");
  EXPECT_EQ(collected_from(tree, snapshot_of(totals)),
            "memory_group_locked_bytes{name=\"app\"} 8\n"
            "error: stat: malformed: " +
                tree.path("proc/stat") + ":1: expected \"btime seconds\"\n");
}

}  // namespace
}  // namespace memory_exporter
