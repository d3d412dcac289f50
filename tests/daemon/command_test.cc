// The program as an operator starts it: exit codes, what it says, signals.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <future>

#include "tests/daemon/command.h"
#include "tests/daemon/http/http_client.h"
#include "tests/exposition/strict_parser.h"
#include "tests/process/fake_process.h"
#include "tests/support/temp_tree.h"

namespace memory_exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::Command;
using testing::Connection;
using ::testing::HasSubstr;
using testing::http;
using testing::run;
using ::testing::StartsWith;
using testing::TempTree;

const std::string any_port = "--web.listen-address=127.0.0.1:0";

TEST(Command, PrintsItsVersionAndHelp) {
  const auto version = run({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.out, StartsWith("memory_exporter "));
  EXPECT_EQ(std::count(version.out.begin(), version.out.end(), '\n'), 1);
  EXPECT_EQ(version.err, "");
  const auto help = run({"--help"});
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_THAT(help.out, HasSubstr("\n  --web.listen-address=ADDRESS\n"));
  EXPECT_EQ(help.err, "");
}

/// A mistake of the operator's: the exit code, and the one line on standard error.
struct Mistake {
  std::vector<std::string> arguments;
  int exit_code;
  std::string line;  ///< contains this
};

class BadInput : public ::testing::Test {
 protected:
  static void expect(const Mistake& mistake) {
    const auto outcome = run(mistake.arguments, true);
    EXPECT_EQ(outcome.exit_code, mistake.exit_code) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, StartsWith("memory_exporter: "));
    EXPECT_THAT(outcome.err, HasSubstr(mistake.line));
    EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
  }
};

TEST_F(BadInput, OnTheCommandLineIsMisuse) {
  expect({{"--onec"}, 2, "--onec: unknown flag (did you mean --once?)"});
  expect({{"--collector.nope"}, 2, "--collector.nope: unknown flag"});
  expect({{"--web.listen-address=nowhere"}, 2, "--web.listen-address: \"nowhere\" has no port"});
  expect({{"--web.listen-address=[::]:1"}, 2, "is an IPv6 address"});
  expect({{"--bad\nline"}, 2, "--bad\\u000aline: unknown flag"});
}

TEST_F(BadInput, InTheConfigurationIsMisuse) {
  const TempTree folder;
  folder.write("f.yml", "pss:\n  wiat: 1s\n");
  ::chmod(folder.path().c_str(), 0755);
  const auto file = "--config.file=" + folder.path("f.yml");
  const auto line = folder.path("f.yml") + ":2:3: pss.wiat: unknown key (did you mean wait?)";
  expect({{file}, 2, line});
  expect({{file, "--config.check"}, 2, line});
  expect({{file, "--once"}, 2, line});
  expect({{"--config.file=/nonexistent.yml"}, 2, "/nonexistent.yml: cannot be read: No such file"});
}

TEST_F(BadInput, AnAddressInUseIsAFailure) {
  Command first({any_port});
  const auto port = std::to_string(first.wait_for_port());
  ASSERT_NE(port, "0");
  expect({{"--web.listen-address=127.0.0.1:" + port},
          1,
          "--web.listen-address: cannot listen on 127.0.0.1:" + port + ": Address already in use"});
  expect({{"--web.listen-address=192.0.2.1:80"}, 1, "cannot listen on 192.0.2.1:80"});
}

TEST_F(BadInput, ARootThatCannotBeReadIsAFailure) {
  expect({{"--path.procfs=/nonexistent"}, 1, "--path.procfs: /nonexistent: No such file"});
  expect({{"--path.procfs=/etc/passwd"}, 1, "--path.procfs: /etc/passwd: Not a directory"});
  expect({{"--path.sysfs=/nonexistent"}, 1, "--path.sysfs: /nonexistent: No such file"});
  expect({{"--path.rootfs=/nonexistent"}, 1, "--path.rootfs: /nonexistent: No such file"});
  const TempTree closed;
  ::chmod(closed.path().c_str(), 0);
  expect({{"--path.procfs=" + closed.path()}, 1, ": Permission denied"});
}

TEST_F(BadInput, AFullDiskIsAFailure) {
  Command full({"--help"});
  EXPECT_EQ(full.finish().exit_code, 0);
  const auto command = std::string(MEMORY_EXPORTER_BINARY) + " --once > /dev/full 2> /dev/null";
  const int status = std::system(command.c_str());
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST(ConfigCheck, SaysThatAFileIsGood) {
  const auto outcome =
      run({"--config.check", std::string("--config.file=") + MEMORY_EXPORTER_SOURCE_DIR +
                                 "/config/memory_exporter.example.yml"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("memory_exporter.example.yml: good\n"));
  EXPECT_EQ(outcome.err, "");
}

TEST(Once, PrintsAnExpositionAndEnds) {
  const auto outcome = run({"--once"});
  EXPECT_EQ(outcome.exit_code, 0);
  const auto exposition = testing::parse_text(outcome.out);
  ASSERT_TRUE(exposition.ok()) << exposition.error().message();
  EXPECT_NE(testing::find_family(*exposition, "memory_group_pss_bytes"), nullptr);
  EXPECT_NE(testing::find_family(*exposition, "memory_exporter_build_info"), nullptr);
}

TEST(Once, FollowsTheConfiguration) {
  const TempTree folder;
  folder.write("f.yml", "group_by: [name]\ncollectors: {process: true}\n");
  const auto outcome =
      run({"--once", "--collector.disable-defaults", "--config.file=" + folder.path("f.yml")});
  const auto exposition = testing::parse_text(outcome.out);
  ASSERT_TRUE(exposition.ok());
  const auto* groups = testing::find_family(*exposition, "memory_group_processes");
  ASSERT_NE(groups, nullptr);
  EXPECT_THAT(groups->samples.front().labels, ::testing::SizeIs(1));
}

/// A daemon that has said it is ready.
class Daemon : public ::testing::Test {
 protected:
  void start(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), any_port);
    command_.emplace(std::move(arguments));
    port_ = command_->wait_for_port();
    ASSERT_NE(port_, 0);
    ASSERT_NE(command_->wait_for_log("msg=ready"), "");
  }

  /// A process in the test's tree whose stat hangs whoever reads it.
  void hang() {
    procfs_.write("77/status", "");
    ASSERT_EQ(::mkfifo(procfs_.path("77/stat").c_str(), 0600), 0);
  }

  Command::Outcome end(int number) {
    command_->signal(number);
    return command_->finish();
  }

  static double value(const std::string& text, std::string_view family) {
    const auto exposition = testing::parse_text(text);
    EXPECT_TRUE(exposition.ok()) << text;
    const auto* found = testing::find_family(*exposition, family);
    return found == nullptr ? -1 : found->samples.front().value;
  }

  std::string metrics() const { return http(port_, "GET", "/metrics").body; }

  const TempTree procfs_;
  std::optional<Command> command_;
  std::uint16_t port_ = 0;
};

TEST_F(Daemon, ServesUntilItIsTerminated) {
  start();
  EXPECT_EQ(http(port_, "GET", "/-/ready").status, 200);
  EXPECT_GT(value(metrics(), "memory_group_processes"), 0);
  const auto outcome = end(SIGTERM);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_LT(outcome.took, seconds(2));
  EXPECT_THAT(outcome.err, HasSubstr("msg=stopping signal=SIGTERM"));
  EXPECT_FALSE(Connection(port_).connected());
}

TEST_F(Daemon, EndsOnAnInterruptToo) {
  start();
  const auto outcome = end(SIGINT);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_LT(outcome.took, seconds(2));
}

TEST_F(Daemon, LogsNoLineForAScrape) {
  start();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(http(port_, "GET", "/metrics").status, 200);
  const auto log = end(SIGTERM).err;
  EXPECT_LE(std::count(log.begin(), log.end(), '\n'), 4) << log;
  for (std::size_t at = 0; at < log.size(); at = log.find('\n', at) + 1) {
    EXPECT_THAT(log.substr(at, 5), StartsWith("ts=20"));
  }
}

TEST_F(Daemon, StopsInTimeWhileAScrapeHangs) {
  process::FakeProcess{}.write(procfs_);
  start({"--path.procfs=" + procfs_.path()});
  hang();
  auto scrape = std::async(std::launch::async, [&] { return http(port_, "GET", "/metrics"); });
  EXPECT_EQ(scrape.wait_for(milliseconds(300)), std::future_status::timeout);
  const auto outcome = end(SIGTERM);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_LT(outcome.took, seconds(2));
  EXPECT_EQ(scrape.get().status, 503);
}

TEST_F(Daemon, StopsInTimeWhileItsFirstLookHangs) {
  hang();
  command_.emplace(std::vector{any_port, "--path.procfs=" + procfs_.path()});
  port_ = command_->wait_for_port();
  ASSERT_NE(port_, 0);
  EXPECT_EQ(http(port_, "GET", "/-/healthy").status, 200);
  EXPECT_EQ(http(port_, "GET", "/-/ready").status, 503);
  const auto outcome = end(SIGTERM);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_LT(outcome.took, seconds(2));
}

TEST_F(Daemon, StopsInTimeDuringScrapesAndSlowClients) {
  start();
  std::vector<Connection> slow;
  for (int i = 0; i < 10; ++i) {
    slow.emplace_back(port_);
    slow.back().send("GET /metrics HTTP/1.1\r\nX: ");
  }
  std::atomic<bool> enough = false;
  std::thread scraping([&] {
    while (!enough && Connection(port_).connected()) http(port_, "GET", "/metrics");
  });
  std::this_thread::sleep_for(milliseconds(200));
  const auto outcome = end(SIGTERM);
  enough = true;
  scraping.join();
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_LT(outcome.took, seconds(2));
}

TEST_F(Daemon, AnswersHundredsOfScrapesAtOnce) {
  start({"--web.max-requests=0"});
  std::vector<std::future<testing::HttpResponse>> scrapes;
  for (int i = 0; i < 200; ++i) {
    scrapes.push_back(
        std::async(std::launch::async, [&] { return http(port_, "GET", "/metrics"); }));
  }
  for (auto& scrape : scrapes) {
    const auto response = scrape.get();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.header("Content-Length"), std::to_string(response.body.size()));
  }
}

TEST_F(Daemon, AnswersAScrapeAmongFortySlowHeads) {
  start();
  std::vector<Connection> slow;
  for (int i = 0; i < 40; ++i) {
    slow.emplace_back(port_);
    slow.back().send("GET /metrics HTTP/1.1\r\nX: ");
  }
  const auto start = steady_clock::now();
  EXPECT_EQ(http(port_, "GET", "/metrics").status, 200);
  EXPECT_LT(steady_clock::now() - start, seconds(5));
}

TEST_F(Daemon, ReadsItsConfigurationAgainOnHangUp) {
  const TempTree folder;
  folder.write("f.yml", "");
  start({"--config.file=" + folder.path("f.yml")});
  folder.write("f.yml", "collectors: {process: perhaps}\n");
  command_->signal(SIGHUP);
  EXPECT_THAT(command_->wait_for_log("configuration refused"), HasSubstr("f.yml:1:23: "));
  EXPECT_EQ(value(metrics(), "memory_exporter_config_last_reload_successful"), 0);
  EXPECT_GT(value(metrics(), "memory_group_processes"), 0);
  folder.write("f.yml", "collectors: {process: false}\n");
  command_->signal(SIGHUP);
  EXPECT_NE(command_->wait_for_log("configuration read"), "");
  EXPECT_EQ(value(metrics(), "memory_exporter_config_last_reload_successful"), 1);
  EXPECT_EQ(value(metrics(), "memory_group_processes"), -1);
  EXPECT_EQ(end(SIGTERM).exit_code, 0);
}

TEST_F(Daemon, ReadsItsConfigurationAgainOnAPost) {
  const TempTree folder;
  folder.write("f.yml", "");
  start({"--config.file=" + folder.path("f.yml"), "--web.enable-lifecycle"});
  EXPECT_EQ(http(port_, "POST", "/-/reload").status, 200);
  folder.write("f.yml", "x: 1\n");
  const auto refused = http(port_, "POST", "/-/reload");
  EXPECT_EQ(refused.status, 500);
  EXPECT_THAT(refused.body, HasSubstr("f.yml:1:1: x: unknown key"));
}

TEST_F(Daemon, DoesNotReloadForEveryone) {
  start();
  const auto refused = http(port_, "POST", "/-/reload");
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("--web.enable-lifecycle"));
}

TEST_F(Daemon, TellsTheServiceManagerWhenItIsReadyAndWhenItStops) {
  const TempTree folder;
  const FileDescriptor manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  folder.path("notify").copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(manager.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  const auto message = [&] {
    pollfd ready{manager.get(), POLLIN, 0};
    char text[64];
    if (::poll(&ready, 1, 10'000) <= 0) return std::string();
    return std::string(text, static_cast<std::size_t>(::recv(manager.get(), text, 64, 0)));
  };
  ::setenv("NOTIFY_SOCKET", address.sun_path, 1);
  start();
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_EQ(message(), "READY=1");
  EXPECT_EQ(http(port_, "GET", "/-/ready").status, 200);
  EXPECT_EQ(end(SIGTERM).exit_code, 0);
  EXPECT_EQ(message(), "STOPPING=1");
}

TEST_F(Daemon, KeepsItsDescriptors) {
  start();
  const auto open_fds = [&] { return value(metrics(), "process_open_fds"); };
  open_fds();
  const auto before = open_fds();
  for (int i = 0; i < 100; ++i) {
    http(port_, "GET", i % 2 == 0 ? "/metrics" : "/", "Accept-Encoding: gzip\r\n");
  }
  // /proc/kpagecount, which is kept, and the pagemap of a walk under way.
  EXPECT_LE(open_fds(), before + 2);
}

TEST_F(Daemon, WritesItsLogAsJsonWhereAsked) {
  Command command({any_port, "--log.format=json"});
  EXPECT_THAT(command.wait_for_log("ready"), StartsWith("{\"ts\":\"20"));
}

}  // namespace
}  // namespace memory_exporter
