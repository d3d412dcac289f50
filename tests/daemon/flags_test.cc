#include "daemon/flags.h"

#include <gtest/gtest.h>

#include <set>

#include "collectors/registry.h"

namespace memory_exporter {
namespace {

using process::PssMode;
using std::chrono::milliseconds;
using std::chrono::seconds;

Options parsed(const std::vector<std::string>& arguments) {
  const auto options = parse_flags(arguments);
  EXPECT_TRUE(options.ok()) << (options.ok() ? "" : options.error().message());
  return options.ok() ? *options : Options{};
}

std::string mistake_in(const std::vector<std::string>& arguments) {
  const auto options = parse_flags(arguments);
  return options.ok() ? "no mistake found" : options.error().message();
}

TEST(Flags, NoneLeaveTheDefaults) {
  const auto options = parsed({});
  EXPECT_EQ(options.listen_addresses, (std::vector<ListenAddress>{{"", 10042}}));
  EXPECT_EQ(options.telemetry_path, "/metrics");
  EXPECT_EQ(options.max_requests, 24u);
  EXPECT_EQ(options.scrape_timeout, seconds(10));
  EXPECT_EQ(options.procfs, "/proc");
  EXPECT_EQ(options.settings, config::Settings{});
  EXPECT_FALSE(options.once || options.help || options.version || options.enable_lifecycle ||
               options.disable_default_collectors || options.config_check);
}

TEST(Flags, SetTheirOptions) {
  const auto options = parsed({"--web.listen-address=127.0.0.1:0",
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
  EXPECT_EQ(options.listen_addresses, (std::vector<ListenAddress>{{"127.0.0.1", 0}, {"", 9}}));
  EXPECT_EQ(options.telemetry_path, "/m");
  EXPECT_TRUE(options.enable_lifecycle);
  EXPECT_EQ(options.max_requests, 7u);
  EXPECT_EQ(options.scrape_timeout, seconds(90));
  EXPECT_EQ(options.procfs, "/p");
  EXPECT_EQ(options.sysfs, "/s");
  EXPECT_EQ(options.rootfs, "/r");
  EXPECT_TRUE(options.disable_default_collectors);
  EXPECT_EQ(options.log_level, LogLevel::debug);
  EXPECT_EQ(options.log_format, LogFormat::json);
  EXPECT_TRUE(options.once);
  EXPECT_EQ(options.config_file, "f.yml");
  EXPECT_TRUE(options.config_check);
  EXPECT_EQ(options.settings.collectors.on.at("process"), true);
  EXPECT_EQ(options.settings.pss_mode, PssMode::exact);
  EXPECT_EQ(options.settings.pss_wait, milliseconds(250));
  EXPECT_EQ(options.settings.pss_max_age, seconds(120));
  EXPECT_EQ(options.settings.pss_cpu_budget, 0.1);
  EXPECT_EQ(options.settings.pss_burst, seconds(3));
  EXPECT_EQ(options.settings.pss_stall_budget, 0.002);
  EXPECT_TRUE(parsed({"--help"}).help);
  EXPECT_TRUE(parsed({"-h"}).help);
  EXPECT_TRUE(parsed({"--version"}).version);
}

TEST(Flags, EveryDefaultInHelpIsTheDefault) {
  for (const auto& flag : flags()) {
    if (flag.default_value.empty()) continue;
    Options options;
    if (flag.repeatable) options.listen_addresses.clear();
    ASSERT_TRUE(flag.apply(options, flag.default_value).ok()) << flag.name;
    EXPECT_EQ(options.listen_addresses, Options{}.listen_addresses) << flag.name;
    EXPECT_EQ(options.telemetry_path, Options{}.telemetry_path) << flag.name;
    EXPECT_EQ(options.max_requests, Options{}.max_requests) << flag.name;
    EXPECT_EQ(options.scrape_timeout, Options{}.scrape_timeout) << flag.name;
    EXPECT_EQ(options.procfs, Options{}.procfs) << flag.name;
    EXPECT_EQ(options.sysfs, Options{}.sysfs) << flag.name;
    EXPECT_EQ(options.rootfs, Options{}.rootfs) << flag.name;
    EXPECT_EQ(options.log_level, Options{}.log_level) << flag.name;
    EXPECT_EQ(options.log_format, Options{}.log_format) << flag.name;
  }
}

TEST(Flags, LocalhostIsTheLoopbackAddress) {
  EXPECT_EQ(parsed({"--web.listen-address=localhost:80"}).listen_addresses,
            (std::vector<ListenAddress>{{"127.0.0.1", 80}}));
}

TEST(Flags, CollectorsTakeTheirSettings) {
  const auto settings =
      parsed({"--collector.vmstat.fields=^nr_", "--collector.cgroup.depth=4",
              "--collector.cgroup.include=slice", "--collector.cgroup.exclude=^/user"})
          .settings;
  const auto options = config::collector_options(settings.collectors);
  EXPECT_EQ(options.vmstat_fields->expression(), "^nr_");
  EXPECT_EQ(options.cgroup.depth, 4u);
  EXPECT_EQ(options.cgroup.include->expression(), "slice");
  EXPECT_EQ(options.cgroup.exclude->expression(), "^/user");
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
    auto argument = flag.name;
    if (!flag.placeholder.empty()) argument += "=" + flag.default_value + "x";
    const auto message = mistake_in({argument, argument});
    if (flag.repeatable) {
      EXPECT_EQ(message.find("more than once"), std::string::npos) << message;
    } else {
      EXPECT_EQ(message, flag.name + ": is given more than once");
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
      all.push_back({flag.name + "=(" + longest});
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
    EXPECT_TRUE(names.insert(flag.name).second) << flag.name;
    const auto line = "\n  " + flag.name + (flag.placeholder.empty() ? "" : "=" + flag.placeholder);
    EXPECT_NE(help.find(line + '\n'), std::string::npos) << flag.name;
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
