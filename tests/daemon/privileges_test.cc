#include "daemon/privileges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <spdlog/sinks/ostream_sink.h>

#include <memory>
#include <sstream>

namespace memory_exporter {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr unsigned dac = CAP_DAC_READ_SEARCH;
constexpr unsigned bind = CAP_NET_BIND_SERVICE;
constexpr unsigned ptrace = CAP_SYS_PTRACE;
constexpr unsigned admin = CAP_SYS_ADMIN;
constexpr CapabilitySet root{CAP_CHOWN,   CAP_DAC_OVERRIDE, dac,    CAP_KILL, CAP_SETUID, bind,
                             CAP_SETPCAP, CAP_SYS_RAWIO,    ptrace, admin,    CAP_PERFMON};

class PrivilegesTest : public ::testing::Test {
 protected:
  CapabilitySet needed(CapabilitySet held = root) const {
    return needed_of(held, {settings_, first_open_port_, config_file_is_closed_});
  }

  config::Settings settings_;
  unsigned first_open_port_ = 1024;
  bool config_file_is_closed_ = false;
};

TEST_F(PrivilegesTest, TheDefaultsNeedWhatProcessesTheirPagesAndCgroupsDo) {
  EXPECT_EQ(needed(), (CapabilitySet{dac, ptrace, admin}));
}

TEST_F(PrivilegesTest, OnlyWhatIsHeldIsKept) {
  EXPECT_EQ(needed({}), CapabilitySet{});
  EXPECT_EQ(needed({CAP_CHOWN}), CapabilitySet{});
  EXPECT_EQ(needed({CAP_CHOWN, ptrace}), CapabilitySet{ptrace});
}

TEST_F(PrivilegesTest, SysAdminIsForThePagemapTierAlone) {
  settings_.process.pss_tier = process::PssTier::rollup;
  EXPECT_EQ(needed(), (CapabilitySet{dac, ptrace}));
  settings_.process.pss_tier = process::PssTier::pagemap;
  EXPECT_TRUE(needed().contains(admin));
  for (const auto mode : {process::PssMode::off, process::PssMode::exact}) {
    settings_.process.pss_mode = mode;
    EXPECT_EQ(needed(), (CapabilitySet{dac, ptrace}));
  }
  settings_.process.pss_mode = process::PssMode::budgeted;
  settings_.once = true;
  EXPECT_EQ(needed(), (CapabilitySet{dac, ptrace}));
}

TEST_F(PrivilegesTest, AnyCollectorOfProcessesNeedsSysPtrace) {
  settings_.switches.disable_defaults = true;
  EXPECT_EQ(needed(), CapabilitySet{});
  for (const auto& entry : collector_table()) {
    settings_.switches.on = {{std::string(entry.name), true}};
    EXPECT_EQ(needed().contains(ptrace), entry.reads_processes) << entry.name;
    EXPECT_EQ(needed().contains(admin), entry.reads_processes) << entry.name;
    EXPECT_EQ(needed().contains(dac), entry.reads_processes || entry.name == "cgroup")
        << entry.name;
  }
}

TEST_F(PrivilegesTest, CgroupsThatAreClosedNeedDacReadSearch) {
  settings_.process.pss_tier = process::PssTier::rollup;
  settings_.switches.on["cgroup"] = false;
  EXPECT_EQ(needed(), (CapabilitySet{dac, ptrace})) << "to name the cgroup of a process";
  settings_.process.group_by = {process::dimension_named("name")};
  EXPECT_EQ(needed(), CapabilitySet{ptrace});
  settings_.switches.on["cgroup"] = true;
  EXPECT_EQ(needed(), (CapabilitySet{dac, ptrace}));
}

TEST_F(PrivilegesTest, FilesThatTheOperatorNamesMayBeClosedToRoot) {
  settings_.switches.disable_defaults = true;
  config_file_is_closed_ = true;
  EXPECT_EQ(needed(), CapabilitySet{dac});
  config_file_is_closed_ = false;
  for (const auto path :
       {&config::Settings::procfs, &config::Settings::sysfs, &config::Settings::rootfs}) {
    const auto usual = std::exchange(settings_.*path, "/home/somebody/tree");
    EXPECT_EQ(needed(), CapabilitySet{dac});
    settings_.*path = usual;
  }
  EXPECT_EQ(needed(), CapabilitySet{});
}

TEST_F(PrivilegesTest, OnlyALowPortNeedsNetBindService) {
  settings_.switches.disable_defaults = true;
  settings_.listen_addresses = {{"", 10042}, {"", 0}, {"", 1024}};
  EXPECT_EQ(needed(), CapabilitySet{});
  settings_.listen_addresses.push_back({"127.0.0.1", 1023});
  EXPECT_EQ(needed(), CapabilitySet{bind});
  first_open_port_ = 0;
  EXPECT_EQ(needed(), CapabilitySet{}) << "the sysctl opens all ports";
  first_open_port_ = 1024;
  settings_.once = true;
  EXPECT_EQ(needed(), CapabilitySet{}) << "nobody listens";
}

TEST_F(PrivilegesTest, PerfmonIsKeptWhereThereIsNothingBetter) {
  EXPECT_FALSE(needed().contains(CAP_PERFMON));
  EXPECT_EQ(needed({CAP_PERFMON, CAP_CHOWN}), CapabilitySet{CAP_PERFMON});
}

TEST_F(PrivilegesTest, EveryNeedHasAReasonAndCanBeAskedFor) {
  settings_.procfs = "/elsewhere";
  settings_.listen_addresses = {{"", 80}};
  const Undertaking all{settings_, 1024, true};
  for (const auto& need : privilege_needs()) {
    EXPECT_FALSE(need.why.empty());
    EXPECT_NE(need.asked_by(all), "") << need.why;
  }
}

TEST_F(PrivilegesTest, WhatNeedsADroppedCapabilityIsRefusedByName) {
  const Privileges privileges(root, CapabilitySet{});
  settings_.switches.disable_defaults = true;
  settings_.config_file = "/etc/m.yml";
  EXPECT_TRUE(privileges.allow(settings_).ok());
  settings_.switches.on["balance"] = true;
  const auto refused = privileges.allow(settings_);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message(),
            "/etc/m.yml: collectors.balance needs CAP_SYS_PTRACE, which was dropped at the start: "
            "restart");
}

TEST_F(PrivilegesTest, WhatWasNeverHeldIsNoReasonToRefuse) {
  EXPECT_TRUE(Privileges({}, {}).allow(settings_).ok());
  EXPECT_TRUE(Privileges(CapabilitySet{ptrace}, CapabilitySet{ptrace}).allow(settings_).ok());
  // Beside CAP_SYS_PTRACE nobody misses CAP_PERFMON.
  EXPECT_TRUE(
      Privileges(CapabilitySet{ptrace, CAP_PERFMON}, CapabilitySet{ptrace}).allow(settings_).ok());
  EXPECT_FALSE(Privileges(CapabilitySet{CAP_PERFMON}, CapabilitySet{}).allow(settings_).ok());
}

TEST_F(PrivilegesTest, AServiceSaysWhatIsKept) {
  std::ostringstream text;
  Log log(LogFormat::logfmt, LogLevel::info,
          std::make_shared<spdlog::sinks::ostream_sink_mt>(text));
  const Privileges privileges(root, CapabilitySet{ptrace, admin});
  privileges.warn(log);
  EXPECT_EQ(text.str(), "");
  privileges.say(log);
  EXPECT_THAT(text.str(), HasSubstr("capabilities=CAP_SYS_PTRACE,CAP_SYS_ADMIN dropped=9"));
  Privileges({}, {}).say(log);
  EXPECT_THAT(text.str(), HasSubstr("capabilities=none dropped=0"));
  EXPECT_THAT(text.str(), Not(HasSubstr("could not be dropped")));
}

}  // namespace
}  // namespace memory_exporter
