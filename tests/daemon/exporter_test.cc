#include "daemon/exporter.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>

#include "config/config_file.h"
#include "tests/exposition/strict_parser.h"
#include "tests/process/fake_process.h"
#include "tests/support/temp_tree.h"

namespace memory_exporter {
namespace {

using process::FakeProcess;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ExporterTest : public ::testing::Test {
 protected:
  ExporterTest() {
    write_process(1);
    settings_.procfs = procfs_.path();
    settings_.switches.disable_defaults = true;
    settings_.switches.on["process"] = true;
    settings_.scrape_share = {};
  }

  ~ExporterTest() override { release(); }

  /// The settings of the test, and what the file says besides.
  Result<config::Settings> load() const {
    auto settings = settings_;
    if (settings.config_file.empty()) return settings;
    const auto file = config::load_file(settings.config_file);
    if (!file) return file.error();
    for (const auto& assignment : *file) EXPECT_TRUE(config::assign(assignment, settings).ok());
    return settings;
  }

  /// With other contents of the file.
  Status reload(const std::string& text) {
    folder_.write("config.yml", text);
    return exporter_->reload();
  }

  Exporter& make() {
    const auto settings = load();
    EXPECT_TRUE(settings.ok());
    auto made = Exporter::make(*settings, log_, [this] { return load(); });
    EXPECT_TRUE(made.ok());
    exporter_ = std::move(*made);
    return *exporter_;
  }

  HttpReply get(const std::string& path, const std::string& query = "",
                const std::string& method = "GET",
                std::vector<std::pair<std::string, std::string>> headers = {}) {
    HttpRequest request;
    request.method = method;
    request.path = path;
    request.query = query;
    request.headers = std::move(headers);
    return exporter_->handle(request);
  }

  testing::Exposition scrape(const std::string& query = "") {
    const auto reply = get("/metrics", query);
    EXPECT_EQ(reply.status, 200);
    auto parsed = testing::parse_text(*reply.body);
    EXPECT_TRUE(parsed.ok()) << (parsed.ok() ? "" : parsed.error().message());
    return parsed.ok() ? *parsed : testing::Exposition{};
  }

  static double value(const testing::Exposition& exposition, std::string_view family,
                      std::string_view label = "", std::string_view label_value = "") {
    const auto* found = testing::find_family(exposition, family);
    if (found == nullptr) return -1;
    for (const auto& sample : found->samples) {
      if (label.empty() || sample.label(label) == label_value) return sample.value;
    }
    return -1;
  }

  /// Each of another size: two alike would be taken for a parent and its vforked child.
  void write_process(int pid) const {
    FakeProcess process;
    process.pid = pid;
    process.ppid = 0;
    process.anon_kib = 300 + static_cast<std::uint64_t>(pid);
    process.write(procfs_);
  }

  /// A process whose stat is a pipe without a writer: whoever reads it hangs in the kernel.
  void hang() {
    procfs_.write("77/status", "");
    procfs_.remove("77/stat");
    ASSERT_EQ(::mkfifo(procfs_.path("77/stat").c_str(), 0600), 0);
    hanging_ = true;
  }

  void release() {
    if (!hanging_) return;
    hanging_ = false;
    // Read and write never hangs, and lets the reader go on; closed again, it reads an empty file.
    const FileDescriptor writer(::open(procfs_.path("77/stat").c_str(), O_RDWR | O_CLOEXEC));
    std::this_thread::sleep_for(milliseconds(20));
    procfs_.remove("77");
  }

  const testing::TempTree procfs_;
  const testing::TempTree folder_;
  config::Settings settings_;
  std::ostringstream log_text_;
  Log log_{LogFormat::logfmt, LogLevel::info,
           std::make_shared<spdlog::sinks::ostream_sink_mt>(log_text_)};
  std::unique_ptr<Exporter> exporter_;
  bool hanging_ = false;
};

TEST_F(ExporterTest, IsReadyAfterTheFirstLookAtTheProcesses) {
  make();
  EXPECT_EQ(get("/-/healthy").status, 200);
  EXPECT_EQ(get("/-/ready").status, 503);
  ASSERT_TRUE(exporter_->prepare().ok());
  EXPECT_EQ(get("/-/ready").status, 200);
  EXPECT_THAT(log_text_.str(), HasSubstr("msg=ready"));
  exporter_->stop();
  EXPECT_EQ(get("/-/ready").status, 503);
}

TEST_F(ExporterTest, IsReadyWithoutProcessesWhereNoCollectorReadsThem) {
  settings_.switches.on["process"] = false;
  make();
  hang();
  ASSERT_TRUE(exporter_->prepare().ok());
  EXPECT_EQ(get("/-/ready").status, 200);
}

/// A pipe that nobody writes to: whoever reads it hangs, until release().
class HungFile {
 public:
  explicit HungFile(std::string path) : path_(std::move(path)) {
    EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    pipe_ = FileDescriptor(::open(path_.c_str(), O_RDWR | O_CLOEXEC));
  }

  /// From now on it is an ordinary file; those who hang read the end of the other.
  void release(std::string_view text) {
    const auto other = path_ + ".new";
    std::ofstream(other) << text;
    std::filesystem::rename(other, path_);
    pipe_ = FileDescriptor();
  }

 private:
  const std::string path_;
  FileDescriptor pipe_;
};

TEST_F(ExporterTest, StartsAndServesTheRestWhereFilesOfTheTreesHang) {
  const testing::TempTree sysfs;
  sysfs.write("fs/cgroup/memory.stat", "anon 4096\n");
  procfs_.write("vmstat", "nr_free_pages 5\n");
  HungFile controllers(sysfs.path("fs/cgroup/cgroup.controllers"));
  HungFile meminfo(procfs_.path("meminfo"));
  settings_.sysfs = sysfs.path();
  settings_.scrape_timeout = seconds(4);
  for (const char* name : {"cgroup", "vmstat"}) settings_.switches.on[name] = true;
  make();
  ASSERT_TRUE(exporter_->prepare().ok());
  EXPECT_EQ(get("/-/ready").status, 200);
  EXPECT_THAT(log_text_.str(), HasSubstr("a file in the trees hangs"));
  const auto success = [&](const testing::Exposition& exposition, const char* collector) {
    return value(exposition, "memory_exporter_collector_success", "collector", collector);
  };
  for (int i = 0; i < 2; ++i) {
    const auto exposition = scrape();
    EXPECT_EQ(success(exposition, "cgroup"), 0);
    EXPECT_EQ(success(exposition, "vmstat"), 1);
    EXPECT_EQ(success(exposition, "process"), 1);
    EXPECT_EQ(value(exposition, "memory_group_processes"), 1);
    EXPECT_EQ(value(exposition, "memory_exporter_collector_timeouts_total", "collector", "cgroup"),
              i + 1);
  }
  const auto times_said = [&](std::string_view what) {
    const auto text = log_text_.str();
    int times = 0;
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++times;
    return times;
  };
  EXPECT_EQ(times_said("a collector is not done by the deadline"), 1);
  controllers.release("memory\n");
  meminfo.release("");
  for (int i = 0; i < 200 && times_said("a collector that hung is back") == 0; ++i) {
    std::this_thread::sleep_for(milliseconds(20));
    scrape();
  }
  EXPECT_EQ(times_said("msg=\"a collector that hung is back\" collector=cgroup"), 1);
  EXPECT_EQ(success(scrape(), "cgroup"), 1);
}

TEST_F(ExporterTest, IsReadyThoughAFileOfAProcessHangs) {
  settings_.scrape_timeout = milliseconds(200);
  make();
  hang();
  ASSERT_TRUE(exporter_->prepare().ok());
  EXPECT_EQ(get("/-/ready").status, 200);
  EXPECT_THAT(log_text_.str(), HasSubstr("a file of a process hangs"));
}

TEST_F(ExporterTest, ServesTheProcesses) {
  make();
  const auto exposition = scrape();
  EXPECT_EQ(value(exposition, "memory_group_pss_bytes", "kind", "anon"), 300 * 1024);
  EXPECT_EQ(value(exposition, "memory_exporter_processes", "state", "measured"), 1);
  EXPECT_EQ(value(exposition, "memory_exporter_collector_success", "collector", "process"), 1);
  EXPECT_EQ(value(exposition, "memory_exporter_scrapes_in_flight"), 1);
}

TEST_F(ExporterTest, AnswersEachPathAndMethodWithItsCode) {
  make();
  const std::tuple<const char*, const char*, int> expected[] = {
      {"GET", "/", 200},          {"HEAD", "/", 200},        {"POST", "/", 405},
      {"GET", "/metrics", 200},   {"HEAD", "/metrics", 200}, {"DELETE", "/metrics", 405},
      {"GET", "/metrics/", 404},  {"GET", "/nope", 404},     {"POST", "/nope", 404},
      {"GET", "/-/healthy", 200}, {"PUT", "/-/ready", 405},  {"GET", "/-/reload", 405},
      {"POST", "/-/reload", 403}, {"GET", "", 404},          {"GET", "/-/", 404},
  };
  for (const auto& [method, path, status] : expected) {
    EXPECT_EQ(get(path, "", method).status, status) << method << ' ' << path;
  }
  EXPECT_THAT(get("/metrics", "", "POST").headers,
              ::testing::ElementsAre(std::pair<std::string, std::string>("Allow", "GET, HEAD")));
  EXPECT_THAT(get("/-/reload").headers,
              ::testing::ElementsAre(std::pair<std::string, std::string>("Allow", "POST")));
  EXPECT_EQ(value(scrape(), "memory_exporter_http_requests_total", "code", "405"), 6);
}

TEST_F(ExporterTest, ServesTheMetricsWhereItIsTold) {
  settings_.telemetry_path = "/";
  make();
  EXPECT_THAT(*get("/").body, HasSubstr("# TYPE"));
  EXPECT_EQ(get("/metrics").status, 404);
}

TEST_F(ExporterTest, RefusesCollectorsItDoesNotHave) {
  make();
  const auto unknown = get("/metrics", "collect[]=proces");
  EXPECT_EQ(unknown.status, 400);
  EXPECT_EQ(*unknown.body,
            "collect[]: no collector of this name is on: \"proces\" (did you mean process?)\n");
  EXPECT_EQ(get("/metrics", "collect%5B%5D=x").status, 400);
  EXPECT_EQ(get("/metrics", "exclude[]=x").status, 400);
  EXPECT_EQ(get("/metrics", "collect[]=process&exclude[]=process").status, 400);
  EXPECT_EQ(get("/metrics", "other=x").status, 200);
}

TEST_F(ExporterTest, WithoutItsCollectorNoProcessIsRead) {
  make();
  hang();
  const auto exposition = scrape("exclude[]=process");
  EXPECT_EQ(testing::find_family(exposition, "memory_group_pss_bytes"), nullptr);
  EXPECT_EQ(testing::find_family(exposition, "memory_exporter_processes"), nullptr);
  EXPECT_NE(testing::find_family(exposition, "memory_exporter_build_info"), nullptr);
}

TEST_F(ExporterTest, NegotiatesFormatAndCompression) {
  make();
  const auto plain = get("/metrics");
  EXPECT_EQ(plain.content_type, "text/plain; version=0.0.4; charset=utf-8");
  const auto open_metrics =
      get("/metrics", "", "GET", {{"Accept", "application/openmetrics-text;version=1.0.0"}});
  EXPECT_THAT(open_metrics.content_type, HasSubstr("application/openmetrics-text"));
  EXPECT_TRUE(testing::parse_open_metrics(*open_metrics.body).ok());
  const auto gzip = get("/metrics", "", "GET", {{"Accept-Encoding", "gzip"}});
  EXPECT_THAT(gzip.headers,
              ::testing::Contains(std::pair<std::string, std::string>("Content-Encoding", "gzip")));
  EXPECT_TRUE(gzip.body->starts_with("\x1f\x8b"));
  EXPECT_LT(gzip.body->size(), plain.body->size() / 2);
}

TEST_F(ExporterTest, KeepsItsDeadlineWhenAReadHangs) {
  make();
  hang();
  const auto start = steady_clock::now();
  const auto reply = get("/metrics", "", "GET", {{"X-Prometheus-Scrape-Timeout-Seconds", "0.4"}});
  const auto waited = steady_clock::now() - start;
  EXPECT_EQ(reply.status, 200);
  EXPECT_GE(waited, milliseconds(150));
  EXPECT_LT(waited, seconds(5));
  const auto exposition = testing::parse_text(*reply.body);
  ASSERT_TRUE(exposition.ok());
  EXPECT_EQ(value(*exposition, "memory_exporter_collector_success", "collector", "process"), 0);
  EXPECT_EQ(testing::find_family(*exposition, "memory_group_pss_bytes"), nullptr);
  EXPECT_THAT(log_text_.str(),
              HasSubstr("the processes were not read before the scrape's deadline"));
}

TEST_F(ExporterTest, TheDeadlineOfASillyHeaderIsTheFlags) {
  settings_.scrape_timeout = milliseconds(100);
  make();
  hang();
  for (const auto* silly : {"", "0", "-1", "nan", "soon", "1 s", "1e999"}) {
    const auto start = steady_clock::now();
    EXPECT_EQ(get("/metrics", "", "GET", {{"X-Prometheus-Scrape-Timeout-Seconds", silly}}).status,
              200);
    EXPECT_LT(steady_clock::now() - start, seconds(5)) << silly;
  }
}

TEST_F(ExporterTest, OneScrapeTooManyIsTurnedAway) {
  settings_.max_requests = 2;
  settings_.scrape_timeout = std::chrono::hours(1);
  settings_.switches.on["vmstat"] = true;
  make();
  hang();
  const auto held = {"collect[]=process", "", "collect[]=process", ""};
  std::vector<std::future<HttpReply>> scrapes;
  for (const auto* query : held) {
    scrapes.push_back(
        std::async(std::launch::async, [this, query] { return get("/metrics", query); }));
  }
  // Once both sorts are being made, a third cannot be. Until then it would wait for an hour.
  auto reply = HttpReply{};
  for (int i = 0; i < 200 && reply.status != 503; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
    reply = get("/metrics", "", "GET",
                {{"X-Prometheus-Scrape-Timeout-Seconds", "0.001"},
                 {"Accept", "application/openmetrics-text;version=1.0.0"}});
  }
  EXPECT_EQ(reply.status, 503);
  EXPECT_THAT(reply.headers, ::testing::Contains(::testing::Pair("Retry-After", "1")));
  EXPECT_THAT(*reply.body, HasSubstr("--web.max-requests"));
  EXPECT_EQ(get("/-/healthy").status, 200);
  release();
  for (auto& scrape : scrapes) EXPECT_EQ(scrape.get().status, 200);
  EXPECT_EQ(get("/metrics").status, 200);
}

TEST_F(ExporterTest, AScrapeSoonAfterAnotherGetsTheSameBytes) {
  settings_.scrape_share = std::chrono::hours(1);
  make();
  const auto first = get("/metrics");
  write_process(2);
  EXPECT_EQ(get("/metrics").body, first.body);
  const auto gzip = get("/metrics", "", "GET", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(get("/metrics", "", "GET", {{"Accept-Encoding", "gzip"}}).body, gzip.body);
  EXPECT_NE(gzip.body, first.body);
}

TEST_F(ExporterTest, AScrapeSoonAfterAnotherSharesItsProcessesWhateverItAsksFor) {
  settings_.scrape_share = std::chrono::hours(1);
  settings_.switches.on["vmstat"] = true;
  make();
  EXPECT_EQ(value(scrape(), "memory_exporter_processes", "state", "measured"), 1);
  write_process(2);
  const auto other = scrape("collect[]=process");
  EXPECT_EQ(testing::find_family(other, "memory_vmstat_other"), nullptr);
  EXPECT_EQ(value(other, "memory_exporter_processes", "state", "measured"), 1);
}

TEST_F(ExporterTest, EachScrapeCollectsForItselfWhereNothingIsShared) {
  make();
  EXPECT_EQ(value(scrape(), "memory_exporter_processes", "state", "measured"), 1);
  write_process(2);
  EXPECT_EQ(value(scrape(), "memory_exporter_processes", "state", "measured"), 2);
}

TEST_F(ExporterTest, AReloadEndsWhatIsShared) {
  settings_.scrape_share = std::chrono::hours(1);
  settings_.switches.on.clear();
  settings_.config_file = folder_.path("config.yml");
  folder_.write("config.yml", "collectors: {process: true}\n");
  make();
  EXPECT_NE(testing::find_family(scrape(), "memory_group_pss_bytes"), nullptr);
  folder_.write("config.yml", "collectors: {process: false}\n");
  EXPECT_TRUE(exporter_->reload().ok());
  EXPECT_EQ(testing::find_family(scrape(), "memory_group_pss_bytes"), nullptr);
}

TEST_F(ExporterTest, ATinyTimeoutCutsShortNobodyElsesScrape) {
  make();
  hang();
  const auto tiny = get("/metrics", "", "GET", {{"X-Prometheus-Scrape-Timeout-Seconds", "0.2"}});
  EXPECT_EQ(value(*testing::parse_text(*tiny.body), "memory_exporter_collector_success",
                  "collector", "process"),
            0);
  auto impatient = std::async(std::launch::async, [this] {
    return get("/metrics", "", "GET", {{"X-Prometheus-Scrape-Timeout-Seconds", "0.5"}});
  });
  std::this_thread::sleep_for(milliseconds(50));
  auto patient = std::async(std::launch::async, [this] { return get("/metrics"); });
  EXPECT_EQ(impatient.get().status, 200);
  EXPECT_EQ(patient.wait_for(milliseconds(100)), std::future_status::timeout);
  release();
  const auto exposition = testing::parse_text(*patient.get().body);
  ASSERT_TRUE(exposition.ok());
  EXPECT_EQ(value(*exposition, "memory_exporter_collector_success", "collector", "process"), 1);
  EXPECT_EQ(value(*exposition, "memory_exporter_processes", "state", "measured"), 1);
}

TEST_F(ExporterTest, TheLongestTimeoutDoesNotOverflow) {
  settings_.scrape_timeout = std::chrono::nanoseconds::max();
  make();
  EXPECT_EQ(value(scrape(), "memory_exporter_collector_success", "collector", "process"), 1);
  const auto reply = get("/metrics", "", "GET", {{"X-Prometheus-Scrape-Timeout-Seconds", "1e300"}});
  EXPECT_EQ(value(*testing::parse_text(*reply.body), "memory_exporter_collector_success",
                  "collector", "process"),
            1);
}

TEST_F(ExporterTest, RepliesHaveABudgetOfBytes) {
  settings_.max_reply_bytes = 1;
  make();
  auto held = get("/metrics");
  ASSERT_EQ(held.status, 200);
  const auto refused = get("/metrics");
  EXPECT_EQ(refused.status, 503);
  EXPECT_THAT(refused.headers, ::testing::Contains(::testing::Pair("Retry-After", "1")));
  EXPECT_THAT(*refused.body, HasSubstr("--web.max-reply-bytes"));
  held = HttpReply{};
  held = get("/metrics");
  EXPECT_EQ(held.status, 200);
  exporter_->on_shortage([&] { held = HttpReply{}; });
  EXPECT_EQ(get("/metrics").status, 200) << "who holds them without a claim is cut off";
}

TEST_F(ExporterTest, PeopleAskByANameOfThisMachineAndMachinesByAny) {
  settings_.enable_lifecycle = true;
  settings_.allowed_hosts = {"node.example"};
  make();
  exporter_->on_reload_request([] { return Status(Done{}); });
  const auto status = [&](const std::string& method, const std::string& path,
                          const std::string& host) {
    return get(path, "", method, {{"Host", host}}).status;
  };
  for (const auto* path : {"/metrics", "/-/healthy"}) {
    EXPECT_EQ(status("GET", path, "evil.example"), 200) << path;
  }
  EXPECT_EQ(status("GET", "/-/ready", "evil.example"), 503);
  EXPECT_EQ(status("GET", "/", "evil.example"), 421);
  EXPECT_EQ(status("POST", "/-/reload", "evil.example"), 421);
  EXPECT_EQ(status("GET", "/", "node.example:10042"), 200);
  EXPECT_EQ(status("POST", "/-/reload", "[::1]:10042"), 200);
}

TEST_F(ExporterTest, CountsWhatWasRefusedBeforeItCouldBeHandled) {
  make();
  exporter_->count_refused(431);
  EXPECT_EQ(value(scrape(), "memory_exporter_http_requests_total", "code", "431"), 1);
}

TEST_F(ExporterTest, StoppingAnswersWhatIsUnderWay) {
  settings_.scrape_timeout = std::chrono::hours(1);
  make();
  hang();
  auto scrape = std::async(std::launch::async, [this] { return get("/metrics"); });
  EXPECT_EQ(scrape.wait_for(milliseconds(100)), std::future_status::timeout);
  EXPECT_FALSE(exporter_->stop());
  EXPECT_EQ(scrape.get().status, 503);
}

TEST_F(ExporterTest, ShowsTheLastScrapeOnItsFrontPage) {
  make();
  EXPECT_THAT(*get("/").body, Not(HasSubstr("<td>app</td>")));
  scrape();
  const auto page = get("/");
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_THAT(*page.body, AllOf(HasSubstr("<td>app</td>"), HasSubstr("Collectors: process.")));
}

TEST_F(ExporterTest, ReloadsWhatTheConfigurationSaysOfCollectors) {
  settings_.switches.on.clear();
  settings_.config_file = folder_.path("config.yml");
  folder_.write("config.yml", "collectors: {process: true}\n");
  make();
  EXPECT_NE(testing::find_family(scrape(), "memory_group_pss_bytes"), nullptr);
  folder_.write("config.yml", "collectors: {process: false}\n");
  EXPECT_TRUE(exporter_->reload().ok());
  EXPECT_EQ(testing::find_family(scrape(), "memory_group_pss_bytes"), nullptr);
  EXPECT_THAT(log_text_.str(), HasSubstr("msg=\"configuration read\""));
}

TEST_F(ExporterTest, ReloadsWhatTheConfigurationSaysOfOneCollector) {
  procfs_.write("vmstat", "nr_free_pages 5\nnr_dirty 6\n");
  settings_.config_file = folder_.path("config.yml");
  folder_.write("config.yml", "collectors: {vmstat: true, vmstat.fields: free}\n");
  make();
  EXPECT_EQ(value(scrape(), "memory_vmstat_other", "field", "nr_free_pages"), 5);
  folder_.write("config.yml", "collectors: {vmstat: true, vmstat.fields: dirty}\n");
  EXPECT_TRUE(exporter_->reload().ok());
  EXPECT_EQ(value(scrape(), "memory_vmstat_other", "field", "nr_free_pages"), -1);
  EXPECT_EQ(value(scrape(), "memory_vmstat_other", "field", "nr_dirty"), 6);
}

/// The host's trees, as a container with a cgroup namespace of its own sees them.
class InCgroupNamespaceTest : public ExporterTest {
 protected:
  InCgroupNamespaceTest() {
    FakeProcess host;
    host.cgroup = "0::/../../system.slice\n";
    host.write(procfs_);
    procfs_.write("self/cgroup", "0::/\n");
    settings_.sysfs = folder_.path("sys");
    folder_.write("sys/fs/cgroup/cgroup.controllers", "memory\n");
  }

  std::string label_of_the_hosts_process() {
    make();
    EXPECT_TRUE(exporter_->prepare().ok());
    const auto exposition = scrape();
    const auto* family = testing::find_family(exposition, "memory_group_processes");
    return family == nullptr ? "none" : std::string(family->samples.front().label("cgroup"));
  }
};

TEST_F(InCgroupNamespaceTest, NamesCgroupsAsTheHostDoes) {
  folder_.write("sys/fs/cgroup/k/c1/cgroup.procs", std::to_string(::getpid()) + '\n');
  EXPECT_EQ(label_of_the_hosts_process(), "/system.slice");
  EXPECT_THAT(log_text_.str(), Not(HasSubstr("cgroup")));
}

TEST_F(InCgroupNamespaceTest, KeepsTheKernelsNameAndSaysSoWhereTheHostsIsUnknown) {
  EXPECT_EQ(label_of_the_hosts_process(), "/../../system.slice");
  EXPECT_THAT(log_text_.str(),
              AllOf(HasSubstr("level=warn msg=\"cgroups outside the exporter's own cgroup"),
                    HasSubstr("needs=\"the host's cgroups in --path.sysfs\"")));
}

TEST_F(ExporterTest, ABadConfigurationChangesNothing) {
  settings_.config_file = folder_.path("config.yml");
  folder_.write("config.yml", "");
  make();
  folder_.write("config.yml", "collectors: {process: maybe}\n");
  const auto reloaded = exporter_->reload();
  ASSERT_FALSE(reloaded.ok());
  EXPECT_THAT(reloaded.error().message(), HasSubstr("config.yml:1:23: collectors.process"));
  auto exposition = scrape();
  EXPECT_NE(testing::find_family(exposition, "memory_group_pss_bytes"), nullptr);
  EXPECT_EQ(value(exposition, "memory_exporter_config_last_reload_successful"), 0);
  EXPECT_THAT(log_text_.str(), HasSubstr("level=error msg=\"configuration refused"));
  folder_.write("config.yml", "");
  EXPECT_TRUE(exporter_->reload().ok());
  EXPECT_EQ(value(scrape(), "memory_exporter_config_last_reload_successful"), 1);
}

TEST_F(ExporterTest, AReloadThatIsNotAllowedChangesNothing) {
  bool allowed = true;
  auto made = Exporter::make(settings_, log_, [&]() -> Result<config::Settings> {
    if (!allowed) return Error{ErrorKind::failed, "no ksm", {}, 0};
    auto settings = settings_;
    settings.process.group_by = {process::dimension_named("name")};
    return settings;
  });
  ASSERT_TRUE(made.ok());
  exporter_ = std::move(*made);
  allowed = false;
  const auto refused = exporter_->reload();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message(), "no ksm");
  const auto exposition = scrape();
  EXPECT_THAT(testing::find_family(exposition, "memory_group_processes")->samples.front().labels,
              ::testing::SizeIs(2));
  EXPECT_EQ(value(exposition, "memory_exporter_config_last_reload_successful"), 0);
  EXPECT_THAT(log_text_.str(), HasSubstr("stays in force\" error=\"no ksm\""));
  allowed = true;
  EXPECT_TRUE(exporter_->reload().ok());
  EXPECT_THAT(testing::find_family(scrape(), "memory_group_processes")->samples.front().labels,
              ::testing::SizeIs(1));
}

TEST_F(ExporterTest, TheBoundOnGroupsChangesAtOnceAndIsSaidWhenItIsReached) {
  settings_.config_file = folder_.path("config.yml");
  folder_.write("config.yml", "");
  FakeProcess{.pid = 50, .comm = "db", .ppid = 0}.write(procfs_);
  make();
  auto exposition = scrape();
  ASSERT_EQ(testing::find_family(exposition, "memory_group_processes")->samples.size(), 2u);
  EXPECT_EQ(value(exposition, "memory_exporter_groups_folded"), 0);
  EXPECT_THAT(log_text_.str(), Not(HasSubstr("max_groups")));

  folder_.write("config.yml", "max_groups: 1\n");
  EXPECT_TRUE(exporter_->reload().ok());
  for (int i = 0; i < 3; ++i) exposition = scrape();
  EXPECT_THAT(log_text_.str(), Not(HasSubstr("restart")));
  const auto* family = testing::find_family(exposition, "memory_group_processes");
  ASSERT_EQ(family->samples.size(), 1u);
  for (const auto& [label, text] : family->samples.front().labels) EXPECT_EQ(text, "other");
  EXPECT_EQ(value(exposition, "memory_exporter_groups_folded"), 2);
  const auto text = log_text_.str();
  const std::string line = "counted in one called other\" raise=max_groups";
  EXPECT_EQ(text.find(line), text.rfind(line)) << "said once";
  EXPECT_THAT(text, HasSubstr(line));

  folder_.write("config.yml", "");
  EXPECT_TRUE(exporter_->reload().ok());
  exposition = scrape();
  EXPECT_EQ(value(exposition, "memory_exporter_groups_folded"), 0);
}

TEST_F(ExporterTest, ReloadsOverHttpWhereThatIsEnabled) {
  settings_.enable_lifecycle = true;
  make();
  Status outcome = Done{};
  exporter_->on_reload_request([&] { return outcome; });
  EXPECT_EQ(get("/-/reload", "", "POST").status, 200);
  EXPECT_EQ(get("/-/reload", "", "GET").status, 405);
  outcome = malformed("x: unknown key", 3);
  const auto refused = get("/-/reload", "", "POST");
  EXPECT_EQ(refused.status, 500);
  EXPECT_EQ(*refused.body, ":3: x: unknown key\n");
}

TEST_F(ExporterTest, OnceMeasuresEveryProcess) {
  for (int pid = 2; pid < 50; ++pid) write_process(pid);
  settings_.once = true;
  settings_.process.pss_wait = seconds(0);
  make();
  const auto exposition = testing::parse_text(exporter_->once());
  ASSERT_TRUE(exposition.ok());
  EXPECT_EQ(value(*exposition, "memory_exporter_processes", "state", "measured"), 49);
  EXPECT_EQ(value(*exposition, "memory_exporter_processes", "state", "pending"), 0);
}

TEST_F(ExporterTest, OnceWithPssOffMeasuresNone) {
  settings_.once = true;
  settings_.process.pss_mode = process::PssMode::off;
  make();
  const auto exposition = testing::parse_text(exporter_->once());
  ASSERT_TRUE(exposition.ok());
  EXPECT_EQ(testing::find_family(*exposition, "memory_group_pss_bytes"), nullptr);
  EXPECT_NE(testing::find_family(*exposition, "memory_group_resident_bytes"), nullptr);
}

TEST_F(ExporterTest, ATreeThatIsNotThereNamesItsFlag) {
  const auto error_of = [&] {
    const auto made = Exporter::make(settings_, log_);
    return made.ok() ? "no error" : made.error().message();
  };
  settings_.procfs = folder_.path("none");
  EXPECT_EQ(error_of(), "--path.procfs: " + settings_.procfs + ": No such file or directory");
  settings_.procfs = procfs_.path();
  settings_.sysfs = folder_.path("none");
  EXPECT_EQ(error_of(), "--path.sysfs: " + settings_.sysfs + ": No such file or directory");
  settings_.sysfs = config::Settings{}.sysfs;
  folder_.write("file", "");
  settings_.rootfs = folder_.path("file");
  EXPECT_EQ(error_of(), "--path.rootfs: " + settings_.rootfs + ": Not a directory");
}

TEST_F(ExporterTest, ACaptureNeedNotHaveBothTrees) {
  folder_.write("capture/proc/meminfo", "MemTotal: 1000 kB\n");
  settings_.procfs = folder_.path("capture/proc");
  settings_.sysfs = folder_.path("capture/sys");
  EXPECT_FALSE(Exporter::make(settings_, log_).ok()) << "a daemon must have what it is given";
  settings_.switches.disable_defaults = false;
  settings_.once = true;
  const auto made = Exporter::make(settings_, log_);
  ASSERT_TRUE(made.ok()) << made.error().message();
  EXPECT_THAT((*made)->once(), HasSubstr("\nmemory_meminfo_mem_total_bytes 1024000\n"));
  settings_.sysfs = folder_.path("elsewhere/sys");
  EXPECT_FALSE(Exporter::make(settings_, log_).ok()) << "a mistyped path is none of a capture";
}

TEST_F(ExporterTest, AFolderWithoutProcessesIsWarnedOf) {
  settings_.procfs = folder_.path();
  make();
  EXPECT_TRUE(exporter_->prepare().ok());
  EXPECT_THAT(log_text_.str(), HasSubstr("level=warn msg=\"no process found: is this a procfs?\""));
}

TEST_F(ExporterTest, ManyScrapesAtOnceAllGetTheirOwnReply) {
  settings_.max_requests = 0;
  make();
  std::vector<std::future<HttpReply>> replies;
  for (int i = 0; i < 64; ++i) {
    const bool excluding = i % 2 == 0;
    replies.push_back(std::async(std::launch::async, [this, excluding] {
      return get("/metrics", excluding ? "exclude[]=process" : "");
    }));
  }
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const auto reply = replies[i].get();
    const auto exposition = testing::parse_text(*reply.body);
    ASSERT_TRUE(exposition.ok());
    EXPECT_EQ(testing::find_family(*exposition, "memory_group_pss_bytes") != nullptr, i % 2 == 1);
  }
}

}  // namespace
}  // namespace memory_exporter
