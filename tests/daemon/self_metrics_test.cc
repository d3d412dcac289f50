#include "daemon/self_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

#include "tests/daemon/recording_sink.h"
#include "tests/support/temp_tree.h"

namespace memory_exporter {
namespace {

using ::testing::Contains;
using ::testing::Key;
using ::testing::Not;
using testing::RecordingSink;

RecordingSink written(SelfMetrics& self, const process::Snapshot* snapshot = nullptr) {
  RecordingSink sink;
  self.write({}, snapshot, sink);
  return sink;
}

procfs::Tree own_procfs() {
  auto tree = procfs::Tree::open("/proc");
  EXPECT_TRUE(tree.ok());
  return std::move(*tree);
}

TEST(SelfFamilies, AreWellFormed) {
  std::set<std::string_view> names;
  for (const auto& family : self_families()) {
    EXPECT_TRUE(names.insert(family.name).second) << family.name;
    EXPECT_EQ(family.name.ends_with("_total"), family.type == MetricType::counter) << family.name;
    EXPECT_TRUE(family.help.ends_with('.')) << family.name;
  }
}

TEST(SelfMetrics, WriteEveryFamilyOnceAndNoOther) {
  const auto self = std::make_unique<SelfMetrics>(own_procfs());
  self->count_request(200);
  const process::Snapshot snapshot;
  auto families = written(*self, &snapshot).families;
  std::vector<std::string> expected;
  for (const auto& family : self_families()) expected.emplace_back(family.name);
  std::sort(families.begin(), families.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(families, expected);
}

TEST(SelfMetrics, TellWhatTheSnapshotKnows) {
  process::Snapshot snapshot;
  snapshot.counts = {.measured = 1,
                     .pending = 2,
                     .denied = 3,
                     .stuck = 23,
                     .unsupported = 6,
                     .kernel = 4,
                     .zombie = 5,
                     .sharing_unknown = 19};
  snapshot.groups_folded = 20;
  snapshot.readers = {{"quick", 21, 22, true}, {"limits", 0, 0, false}};
  snapshot.sampling.reads = 6;
  snapshot.sampling.read_seconds = 0.7;
  snapshot.sampling.cpu_seconds = 0.8;
  snapshot.sampling.longest_read_seconds = 0.9;
  snapshot.sampling.budget_seconds = 1.0;
  snapshot.sampling.deferred = 11;
  snapshot.readings = {{"limits", {}}, {"smaps", {14, 15, 16, 17, 0, 18}}};
  snapshot.read_errors[{"smaps_rollup", ErrorKind::denied}] = 12;
  snapshot.read_errors[{"stat", ErrorKind::vanished}] = 13;
  SelfMetrics self(procfs::Tree::absent("/proc"));
  const auto samples = written(self, &snapshot).samples;
  EXPECT_EQ(samples.at("memory_exporter_processes{state=\"measured\"}"), 1);
  EXPECT_EQ(samples.at("memory_exporter_processes{state=\"pending\"}"), 2);
  EXPECT_EQ(samples.at("memory_exporter_processes{state=\"denied\"}"), 3);
  EXPECT_EQ(samples.at("memory_exporter_processes{state=\"stuck\"}"), 23);
  EXPECT_EQ(samples.at("memory_exporter_groups_folded"), 20);
  EXPECT_EQ(samples.at("memory_exporter_hung_readers{lane=\"quick\"}"), 21);
  EXPECT_EQ(samples.at("memory_exporter_hung_readers{lane=\"limits\"}"), 0);
  EXPECT_EQ(samples.at("memory_exporter_reader_start_failures_total{lane=\"quick\"}"), 22);
  EXPECT_EQ(samples.at("memory_exporter_sampling_paused{lane=\"quick\"}"), 1);
  EXPECT_EQ(samples.at("memory_exporter_sampling_paused{lane=\"limits\"}"), 0);
  EXPECT_EQ(samples.at("memory_exporter_processes{state=\"unsupported\"}"), 6);
  EXPECT_EQ(samples.at("memory_exporter_processes{state=\"kernel\"}"), 4);
  EXPECT_EQ(samples.at("memory_exporter_processes{state=\"zombie\"}"), 5);
  EXPECT_EQ(samples.at("memory_exporter_processes_sharing_unknown"), 19);
  EXPECT_EQ(samples.at("memory_exporter_pss_reads_total"), 6);
  EXPECT_EQ(samples.at("memory_exporter_pss_read_seconds_total"), 0.7);
  EXPECT_EQ(samples.at("memory_exporter_pss_cpu_seconds_total"), 0.8);
  EXPECT_EQ(samples.at("memory_exporter_pss_longest_read_seconds"), 0.9);
  EXPECT_EQ(samples.at("memory_exporter_pss_budget_seconds_total"), 1.0);
  EXPECT_EQ(samples.at("memory_exporter_pss_deferred_processes"), 11);
  EXPECT_EQ(samples.at("memory_exporter_file_reads_total{file=\"limits\"}"), 0);
  EXPECT_EQ(samples.at("memory_exporter_file_reads_total{file=\"smaps\"}"), 14);
  EXPECT_EQ(samples.at("memory_exporter_file_read_cpu_seconds_total{file=\"smaps\"}"), 16);
  EXPECT_EQ(samples.at("memory_exporter_file_longest_read_seconds{file=\"smaps\"}"), 17);
  EXPECT_EQ(samples.at("memory_exporter_file_deferred_processes{file=\"smaps\"}"), 18);
  EXPECT_EQ(
      samples.at("memory_exporter_read_errors_total{file=\"smaps_rollup\",reason=\"denied\"}"), 12);
  EXPECT_EQ(samples.at("memory_exporter_read_errors_total{file=\"stat\",reason=\"vanished\"}"), 13);
}

TEST(SelfMetrics, AreAbsentWhereNothingIsKnown) {
  SelfMetrics self(procfs::Tree::absent("/proc"));
  const auto samples = written(self).samples;
  for (const auto* name :
       {"memory_exporter_processes{state=\"measured\"}", "memory_exporter_pss_reads_total",
        "process_resident_memory_bytes", "process_virtual_memory_bytes", "process_open_fds",
        "process_start_time_seconds"}) {
    EXPECT_THAT(samples, Not(Contains(Key(name))));
  }
}

TEST(SelfMetrics, CountRequestsByCode) {
  SelfMetrics self(procfs::Tree::absent("/proc"));
  self.count_request(200);
  self.count_request(200);
  self.count_request(404);
  const auto samples = written(self).samples;
  EXPECT_EQ(samples.at("memory_exporter_http_requests_total{code=\"200\"}"), 2);
  EXPECT_EQ(samples.at("memory_exporter_http_requests_total{code=\"404\"}"), 1);
}

TEST(SelfMetrics, CountScrapesWhileTheyLast) {
  SelfMetrics self(procfs::Tree::absent("/proc"));
  const auto in_flight = [&] {
    return written(self).samples.at("memory_exporter_scrapes_in_flight");
  };
  EXPECT_EQ(in_flight(), 0);
  {
    const auto one = self.scrape_in_flight();
    const auto two = self.scrape_in_flight();
    EXPECT_EQ(in_flight(), 2);
  }
  EXPECT_EQ(in_flight(), 0);
}

TEST(SelfMetrics, RememberTheLastGoodConfiguration) {
  SelfMetrics self(procfs::Tree::absent("/proc"));
  const auto value = [&](const char* name) { return written(self).samples.at(name); };
  constexpr auto* successful = "memory_exporter_config_last_reload_successful";
  constexpr auto* when = "memory_exporter_config_last_reload_success_timestamp_seconds";
  EXPECT_EQ(value(successful), 1);
  const auto loaded = value(when);
  EXPECT_NEAR(loaded, static_cast<double>(std::time(nullptr)), 60);
  self.configuration_loaded(false);
  EXPECT_EQ(value(successful), 0);
  EXPECT_EQ(value(when), loaded);
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  self.configuration_loaded(true);
  EXPECT_EQ(value(successful), 1);
  EXPECT_GT(value(when), loaded);
}

TEST(SelfMetrics, KnowTheirOwnProcess) {
  SelfMetrics self(own_procfs());
  const auto samples = written(self).samples;
  EXPECT_GT(samples.at("process_cpu_seconds_total"), 0);
  EXPECT_GT(samples.at("process_resident_memory_bytes"), 1e6);
  EXPECT_GT(samples.at("process_virtual_memory_bytes"),
            samples.at("process_resident_memory_bytes"));
  EXPECT_NEAR(samples.at("process_start_time_seconds"), static_cast<double>(std::time(nullptr)),
              300);
  EXPECT_EQ(samples.at("process_max_fds"), static_cast<double>(::sysconf(_SC_OPEN_MAX)));

  const auto fds = samples.at("process_open_fds");
  const FileDescriptor another(::dup(0));
  EXPECT_EQ(written(self).samples.at("process_open_fds"), fds + 1);
}

TEST(SelfMetrics, KnowWhatTheirCapabilitiesAllow) {
  const auto may_trace = [](std::string_view status) {
    const testing::TempTree procfs;
    procfs.write("self/status", status);
    return SelfMetrics(procfs.open()).may_trace();
  };
  EXPECT_TRUE(may_trace("Name:\tx\nCapEff:\t0000000000080000\n"));
  EXPECT_TRUE(may_trace("Name:\tx\nCapEff:\t0000004000000000\n"));
  EXPECT_TRUE(may_trace("Name:\tx\nCapEff:\t000001ffffffffff\n"));
  EXPECT_FALSE(may_trace("Name:\tx\nCapEff:\t0000000000000000\nCapBnd:\t000001ffffffffff\n"));
  EXPECT_FALSE(may_trace("Name:\tx\nCapEff:\t0000000000000004\n"));
  EXPECT_TRUE(may_trace("Name:\tx\n"));
  EXPECT_TRUE(SelfMetrics(procfs::Tree::absent("/proc")).may_trace());
}

}  // namespace
}  // namespace memory_exporter
