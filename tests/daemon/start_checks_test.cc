#include "daemon/start_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <sstream>

#include "tests/collectors/fixture_tree.h"

namespace memory_exporter {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string said(const FixtureTree& tree, const config::Settings& settings = {}) {
  std::ostringstream text;
  Log log(LogFormat::logfmt, LogLevel::info,
          std::make_shared<spdlog::sinks::ostream_sink_mt>(text));
  const auto collectors = make_collectors(tree.trees(), settings);
  warn_of_silent_collectors(*collectors, tree.trees(), log);
  return text.str();
}

TEST(StartChecks, SayThatAProcfsShowsProcessesAlone) {
  FixtureTree tree;
  tree.write("proc/1/stat", "1 (init)\n");
  config::Settings settings;
  settings.switches.on["pressure"] = false;
  EXPECT_THAT(said(tree, settings),
              AllOf(HasSubstr("subset=pid"), HasSubstr("ProcSubset=all"),
                    HasSubstr("collectors=balance,meminfo,vmstat,swap,overcommit")));
  tree.write("proc/meminfo", "MemTotal: 8 kB\n");
  EXPECT_THAT(said(tree), Not(HasSubstr("subset=pid")));
}

TEST(StartChecks, SayThatThereAreNoMemoryCgroups) {
  FixtureTree tree;
  EXPECT_THAT(said(tree), HasSubstr("no hierarchy of memory cgroups found"));
  config::Settings settings;
  settings.switches.on["cgroup"] = false;
  EXPECT_EQ(said(tree, settings), "");
  tree.write("sys/fs/cgroup/cgroup.controllers", "memory\n");
  EXPECT_EQ(said(tree), "");
}

}  // namespace
}  // namespace memory_exporter
