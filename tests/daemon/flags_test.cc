#include "daemon/flags.h"

#include <gtest/gtest.h>

#include <set>

#include "collectors/registry.h"

namespace memory_exporter {
namespace {

using config::Settings;
using process::PssMode;
using std::chrono::milliseconds;
using std::chrono::seconds;

Settings parsed(const std::vector<std::string>& arguments) {
  const auto flags = parse_flags(arguments);
  EXPECT_TRUE(flags.ok()) << (flags.ok() ? "" : flags.error().message());
  return flags.ok() ? *config::settings_from({}, *flags) : Settings{};
}

/// Those of the command line.
std::vector<config::Row> flags() {
  std::vector<config::Row> all;
  for (const auto& row : config::rows()) {
    if (!row.flag.empty()) all.push_back(row);
  }
  return all;
}

std::string mistake_in(const std::vector<std::string>& arguments) {
  const auto settings = parse_flags(arguments);
  return settings.ok() ? "no mistake found" : settings.error().message();
}

TEST(Flags, NoneLeaveTheDefaults) {
  const auto settings = parsed({});
  EXPECT_EQ(settings.listen_addresses, (std::vector<ListenAddress>{{"", 10042}}));
  EXPECT_EQ(settings.telemetry_path, "/metrics");
  EXPECT_EQ(settings.max_requests, 24u);
  EXPECT_EQ(settings.scrape_timeout, seconds(10));
  EXPECT_EQ(settings.procfs, "/proc");
  EXPECT_EQ(settings, Settings{});
  EXPECT_FALSE(settings.once || settings.help || settings.version || settings.enable_lifecycle ||
               settings.switches.disable_defaults || settings.config_check);
}

TEST(Flags, SetTheirFields) {
  const auto settings = parsed({"--web.listen-address=127.0.0.1:0",
                                "--web.listen-address",
                                ":9",
                                "--web.telemetry-path=/m",
                                "--web.enable-lifecycle",
                                "--web.max-requests=7",
                                "--scrape.timeout=1m30s",
                                "--path.procfs=/p",
                                "--path.sysfs=/s",
                                "--path.rootfs=/r",
                                "--collector.disable-defaults",
                                "--collector.process",
                                "--log.level=debug",
                                "--log.format=json",
                                "--once",
                                "--config.file=f.yml",
                                "--config.check",
                                "--pss.mode=exact",
                                "--pss.wait=250ms",
                                "--pss.max-age=2m",
                                "--pss.cpu-budget=10%",
                                "--pss.burst=3s",
                                "--pss.stall-budget=0.002"});
  EXPECT_EQ(settings.listen_addresses, (std::vector<ListenAddress>{{"127.0.0.1", 0}, {"", 9}}));
  EXPECT_EQ(settings.telemetry_path, "/m");
  EXPECT_TRUE(settings.enable_lifecycle);
  EXPECT_EQ(settings.max_requests, 7u);
  EXPECT_EQ(settings.scrape_timeout, seconds(90));
  EXPECT_EQ(settings.procfs, "/p");
  EXPECT_EQ(settings.sysfs, "/s");
  EXPECT_EQ(settings.rootfs, "/r");
  EXPECT_TRUE(settings.switches.disable_defaults);
  EXPECT_EQ(settings.log_level, LogLevel::debug);
  EXPECT_EQ(settings.log_format, LogFormat::json);
  EXPECT_TRUE(settings.once);
  EXPECT_EQ(settings.config_file, "f.yml");
  EXPECT_TRUE(settings.config_check);
  EXPECT_EQ(settings.switches.on.at("process"), true);
  EXPECT_EQ(settings.process.pss_mode, PssMode::exact);
  EXPECT_EQ(settings.process.pss_wait, milliseconds(250));
  EXPECT_EQ(settings.process.pss_max_age, seconds(120));
  EXPECT_EQ(settings.process.pss_cpu_budget, 0.1);
  EXPECT_EQ(settings.process.pss_burst, seconds(3));
  EXPECT_EQ(settings.process.pss_stall_budget, 0.002);
  EXPECT_TRUE(parsed({"--help"}).help);
  EXPECT_TRUE(parsed({"-h"}).help);
  EXPECT_TRUE(parsed({"--version"}).version);
}

TEST(Flags, EveryDefaultInHelpIsTheDefault) {
  int tried = 0;
  for (const auto& row : flags()) {
    const auto value = config::default_of(row);
    if (value.empty()) continue;
    ++tried;
    EXPECT_EQ(parsed({row.flag + '=' + value}), Settings{}) << row.flag;
  }
  EXPECT_GE(tried, 20);
}

TEST(Flags, LocalhostIsTheLoopbackAddress) {
  EXPECT_EQ(parsed({"--web.listen-address=localhost:80"}).listen_addresses,
            (std::vector<ListenAddress>{{"127.0.0.1", 80}}));
}

TEST(Flags, CollectorsTakeTheirSettings) {
  const auto settings =
      parsed({"--collector.vmstat.fields=^nr_", "--collector.cgroup.depth=4",
              "--collector.cgroup.include=slice", "--collector.cgroup.exclude=^/user"})
          .collectors;
  EXPECT_EQ(settings.vmstat_fields->expression(), "^nr_");
  EXPECT_EQ(settings.cgroup.depth, 4u);
  EXPECT_EQ(settings.cgroup.include->expression(), "slice");
  EXPECT_EQ(settings.cgroup.exclude->expression(), "^/user");
}

TEST(Flags, AMistakeIsOneLineThatNamesTheFlag) {
  const std::pair<std::vector<std::string>, std::string_view> mistakes[] = {
      {{"--onec"}, "--onec: unknown flag (did you mean --once?); --help lists them all"},
      {{"--pss.max_age=1m"},
       "--pss.max_age: unknown flag (did you mean --pss.max-age?); --help lists them all"},
      {{"--xyz"}, "--xyz: unknown flag; --help lists them all"},
      {{"-o"}, "-o: unknown flag; --help lists them all"},
      {{"--collector.proces"},
       "--collector.proces: unknown flag (did you mean --collector.process?); --help lists them "
       "all"},
      {{"serve"}, "\"serve\": no flag takes this: write --flag=value"},
      {{"--once", "serve"}, "\"serve\": no flag takes this: write --flag=value"},
      {{""}, "\"\": no flag takes this: write --flag=value"},
      {{"--scrape.timeout"}, "--scrape.timeout: needs a value: write --scrape.timeout=DURATION"},
      {{"--path.procfs="}, "--path.procfs: needs a value: write --path.procfs=PATH"},
      {{"--once=yes"}, "--once: takes no value"},
      {{"--collector.vmstat.fields=(nr_"},
       "--collector.vmstat.fields: \"(nr_\" is not a regular expression of RE2: missing ): (nr_"},
      {{"--collector.cgroup.depth=-1"},
       "--collector.cgroup.depth: \"-1\" is not a number from 0 (the root alone) to 100"},
      {{"--scrape.timeout=1s", "--scrape.timeout=2s"}, "--scrape.timeout: is given more than once"},
      {{"--scrape.timeout=10"},
       "--scrape.timeout: \"10\" is not a duration: write it as 500ms, 60s or 1m30s"},
      {{"--scrape.timeout=9223372036s"},
       "--scrape.timeout: \"9223372036s\" is too long: at most 365d"},
      {{"--scrape.timeout=0s"}, "--scrape.timeout: must be longer than 0"},
      {{"--web.listen-address=10042"},
       "--web.listen-address: \"10042\" has no port: write it as :10042 or 127.0.0.1:10042"},
      {{"--web.listen-address=:65536"},
       "--web.listen-address: \":65536\" has no port from 0 to 65535 after its colon"},
      {{"--web.listen-address=:"},
       "--web.listen-address: \":\" has no port from 0 to 65535 after its colon"},
      {{"--web.listen-address=:443s"},
       "--web.listen-address: \":443s\" has no port from 0 to 65535 after its colon"},
      {{"--web.listen-address=[::1]:80"},
       "--web.listen-address: \"[::1]:80\" is an IPv6 address, which this build's HTTP server "
       "cannot listen on: give an IPv4 address"},
      {{"--web.listen-address=::1:80"},
       "--web.listen-address: \"::1:80\" is an IPv6 address, which this build's HTTP server "
       "cannot listen on: give an IPv4 address"},
      {{"--web.listen-address=example.org:80"},
       "--web.listen-address: \"example.org:80\" has no IPv4 address before its colon: write it "
       "as 127.0.0.1:10042, or :10042 for every address"},
      {{"--web.listen-address=1.2.3:80"},
       "--web.listen-address: \"1.2.3:80\" has no IPv4 address before its colon: write it as "
       "127.0.0.1:10042, or :10042 for every address"},
      {{"--web.listen-address=:1,:2s"},
       "--web.listen-address: \":1,:2s\" is an IPv6 address, which this build's HTTP server cannot "
       "listen on: give an IPv4 address"},
      {{"--web.listen-address=:1", "--web.listen-address=:1"},
       "--web.listen-address: \":1\" is given twice"},
      {{"--web.telemetry-path=metrics"},
       "--web.telemetry-path: \"metrics\" is not a path: start it with / and use letters, digits "
       "and -_.~/"},
      {{"--web.telemetry-path=/a?b"},
       "--web.telemetry-path: \"/a?b\" is not a path: start it with / and use letters, digits and "
       "-_.~/"},
      {{"--web.telemetry-path=/-/ready"},
       "--web.telemetry-path: \"/-/ready\" is taken: choose one outside /-/"},
      {{"--web.telemetry-path=/a/../b"},
       "--web.telemetry-path: \"/a/../b\" has an empty part or one that starts with a dot"},
      {{"--web.max-requests=-1"},
       "--web.max-requests: \"-1\" is not a number from 0 (no limit of its own) to 120"},
      {{"--web.max-requests=121"},
       "--web.max-requests: \"121\" is not a number from 0 (no limit of its own) to 120"},
      {{"--log.level=loud"}, "--log.level: \"loud\" is no level: write debug, info, warn or error"},
      {{"--log.format=xml"}, "--log.format: \"xml\" is no format: write logfmt or json"},
      {{"--pss.mode=fast"}, "--pss.mode: \"fast\" is not a mode: write budgeted, exact or off"},
      {{"--pss.cpu-budget=200%"},
       "--pss.cpu-budget: \"200%\" is out of range: from 0.000001 (0.0001%) to 1 (100%)"},
      {{"--pss.wait=soon"},
       "--pss.wait: \"soon\" is not a duration: write it as 500ms, 60s or 1m30s"},
      {{"--collector.process", "--no-collector.process"},
       "--no-collector.process: contradicts --collector.process: give one of the two"},
      {{"--config.check"}, "--config.check: needs --config.file=PATH"},
  };
  for (const auto& [arguments, message] : mistakes) {
    EXPECT_EQ(mistake_in(arguments), message) << arguments.front();
  }
}

TEST(Flags, GivenTwiceAreAMistakeUnlessTheyMayBeRepeated) {
  for (const auto& flag : flags()) {
    auto argument = flag.flag;
    if (!flag.placeholder.empty()) argument += "=" + config::default_of(flag) + "x";
    const auto message = mistake_in({argument, argument});
    if (flag.takes_list) {
      EXPECT_EQ(message.find("more than once"), std::string::npos) << message;
    } else {
      EXPECT_EQ(message, flag.flag + ": is given more than once");
    }
  }
  EXPECT_EQ(mistake_in({"-h", "--help"}), "--help: is given more than once");
  EXPECT_EQ(mistake_in({"--path.procfs=/a", "--path.procfs", "/b"}),
            "--path.procfs: is given more than once");
  EXPECT_EQ(mistake_in({"--path.procfs", "/a", "/b"}),
            "\"/b\": no flag takes this: write --flag=value");
}

TEST(Flags, AMistakeIsOneShortLineWhateverIsGiven) {
  const std::string longest(100'000, 'x');
  std::vector<std::vector<std::string>> all = {
      {"--" + longest}, {longest}, {"--a\x1b[1m\n"}, {"\xe2\x80\xae"}};
  for (const auto& flag : flags()) {
    if (!flag.placeholder.empty() && flag.placeholder != "PATH") {
      all.push_back({flag.flag + "=(" + longest});
    }
  }
  for (const auto& arguments : all) {
    const auto message = mistake_in(arguments);
    EXPECT_NE(message, "no mistake found") << arguments.front().substr(0, 60);
    EXPECT_LT(message.size(), 500u) << message.substr(0, 200);
    EXPECT_EQ(message.find_first_of("\n\x1b"), std::string::npos);
    EXPECT_EQ(message.find("\xe2\x80\xae"), std::string::npos);
  }
}

TEST(Flags, AreAllListedOnceInHelp) {
  const auto help = help_text();
  std::set<std::string> names;
  for (const auto& flag : flags()) {
    EXPECT_TRUE(names.insert(flag.flag).second) << flag.flag;
    const auto line = "\n  " + flag.flag + (flag.placeholder.empty() ? "" : "=" + flag.placeholder);
    EXPECT_NE(help.find(line + '\n'), std::string::npos) << flag.flag;
  }
  for (const auto& entry : collector_table()) {
    EXPECT_TRUE(names.contains("--collector." + std::string(entry.name)));
    EXPECT_TRUE(names.contains("--no-collector." + std::string(entry.name)));
  }
}

TEST(Help, FitsATerminal) {
  std::string_view help;
  const auto text = help_text();
  for (help = text; !help.empty();) {
    const auto line = help.substr(0, help.find('\n'));
    EXPECT_LE(line.size(), 80u) << line;
    help.remove_prefix(line.size() + 1);
  }
}

}  // namespace
}  // namespace memory_exporter
