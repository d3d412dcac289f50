// What Prometheus's own parsers say of an exposition with hostile labels.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include "daemon/exposition/encoder.h"

namespace memory_exporter::exposition {
namespace {

class Promtool : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::system("command -v promtool >/dev/null") != 0) {
      GTEST_SKIP() << "promtool is not in PATH (it is in Debian's package prometheus)";
    }
    std::string name = ::testing::TempDir() + "promtool_test.XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }

  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  void write_file(const char* name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }

  void make_folder(const char* name) { std::filesystem::create_directories(folder_ / name); }

  /// Runs promtool in the folder; its exit code, and what it printed.
  int run(const std::string& arguments) {
    const auto command = "cd '" + folder_.string() + "' && promtool " + arguments + " >out 2>&1";
    const int status = std::system(command.c_str());
    std::ostringstream text;
    text << std::ifstream(folder_ / "out", std::ios::binary).rdbuf();
    output_ = text.str();
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

  std::string output_;

 private:
  std::filesystem::path folder_;
};

constexpr int sample_count = 12;

std::string exposition_of_hostile_labels(Format format) {
  std::string out;
  Encoder encoder(format, out);
  encoder.family({"memory_group_resident_bytes", MetricType::gauge,
                  "Resident memory \\ by kind\n\"anon\"; /proc/PID/status RssAnon."});
  for (const std::string_view name :
       {"a\"b\\c\nd", "\\", "\"", "\n", "{}=,#", "", "\xFF\xFE", "na\xC3\xAFve", "\r\t\x01"}) {
    encoder.sample({{"name", name}, {"cgroup", ""}}, Bytes{UINT64_MAX});
  }
  encoder.family({"memory_group_page_faults_total", MetricType::counter, "Page faults."});
  encoder.sample({{"severity", "minor"}}, std::uint64_t{1} << 60);
  encoder.family({"memory_pressure_stalled_seconds_total", MetricType::counter, "PSI."});
  encoder.sample(0.1);
  encoder.family({"memory_group_limit_usage_ratio", MetricType::gauge, "Worst process."});
  encoder.sample(std::numeric_limits<double>::quiet_NaN());
  encoder.finish();
  return out;
}

TEST_F(Promtool, HasNothingToSayOfTheTextFormat) {
  write_file("text", exposition_of_hostile_labels(Format::text));
  EXPECT_EQ(run("check metrics <text"), 0);
  EXPECT_EQ(output_, "");
}

TEST_F(Promtool, SaysSomethingOfABrokenExposition) {
  write_file("text", "# HELP m h\n# TYPE m gauge\nm{l=\"\xFF\"} 1\n");
  EXPECT_NE(run("check metrics <text"), 0);
}

// promtool reads OpenMetrics only to backfill a database, which wants a timestamp on each sample.
TEST_F(Promtool, StoresEverySampleOfTheOpenMetricsFormat) {
  std::istringstream lines(exposition_of_hostile_labels(Format::open_metrics));
  std::string with_timestamps;
  for (std::string line; std::getline(lines, line);) {
    with_timestamps += line + (line.starts_with('#') ? "\n" : " 1700000000\n");
  }
  write_file("open_metrics", with_timestamps);
  ASSERT_EQ(run("tsdb create-blocks-from openmetrics open_metrics data"), 0) << output_;
  make_folder("data/wal");  // dump wants one
  run("tsdb dump data");
  int samples = 0;
  std::istringstream dumped(output_);
  for (std::string line; std::getline(dumped, line);) samples += line.starts_with('{') ? 1 : 0;
  EXPECT_EQ(samples, sample_count) << output_;
  EXPECT_NE(output_.find("name=\"a\\\"b\\\\c\\nd\""), std::string::npos) << output_;
}

}  // namespace
}  // namespace memory_exporter::exposition
