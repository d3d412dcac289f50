// A reload brings into force what a restart would, row by row of the table of settings.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <sstream>
#include <thread>

#include "collectors/base/file_descriptor.h"
#include "collectors/procfs/pagemap.h"
#include "config/config_file.h"
#include "daemon/exporter.h"
#include "tests/config/row_samples.h"
#include "tests/exposition/strict_parser.h"
#include "tests/process/fake_process.h"
#include "tests/support/temp_tree.h"

namespace memory_exporter {
namespace {

using process::FakeProcess;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// The value of a family's first sample, or of all with their labels; "absent" without any.
std::string seen(const testing::Exposition& exposition, std::string_view name, bool all = false) {
  const auto* family = testing::find_family(exposition, name);
  if (family == nullptr || family->samples.empty()) return "absent";
  std::string text;
  for (const auto& sample : family->samples) {
    if (!all && !text.empty()) break;
    for (const auto& [label, value] : sample.labels) text.append(label + '=' + value + ' ');
    if (!all) text = std::to_string(sample.value);
  }
  return text;
}

constexpr int processes = 29;

class ReloadTest : public ::testing::Test {
 protected:
  ReloadTest() {
    for (int pid = 1; pid <= processes; ++pid) write_process(pid, pid % 2 == 0 ? "web" : "db", 300);
    procfs_.write("vmstat", "nr_free_pages 5\nnr_dirty 6\n");
    for (const auto* cgroup : {"", "/a", "/a/b", "/a/b/c", "/db", "/web", "/new"}) {
      folder_.write(std::string("sys/fs/cgroup") + cgroup + "/cgroup.controllers", "memory\n");
      folder_.write(std::string("sys/fs/cgroup") + cgroup + "/memory.current", "4096\n");
    }
  }

  /// Each of another size: two alike would be taken for a parent and its vforked child.
  void write_process(int pid, const std::string& name, std::uint64_t kib) {
    FakeProcess process;
    process.pid = pid;
    process.comm = name;
    process.ppid = 0;
    process.cgroup = "0::/" + name + '\n';
    process.anon_kib = kib + static_cast<std::uint64_t>(pid);
    process.write(procfs_);
    procfs_.write(std::to_string(pid) + "/smaps",
                  "00400000-00500000 r-xp 00000000 fe:01 77 /opt/app\n"
                  "Rss:                 650 kB\nPss:                 650 kB\n");
  }

  Result<config::Settings> load() {
    const std::vector<std::pair<std::string_view, std::string>> said = {
        {"--path.procfs", procfs_.path()},
        {"--path.sysfs", folder_.path("sys")},
        {"--config.file", folder_.path("config.yml")},
        {"--scrape.share", "0"},
    };
    config::Assignments flags;
    for (const auto& [name, value] : said) {
      flags.push_back({&config::row_named(name), config::scalar(value)});
    }
    return config::load_settings(flags);
  }

  std::unique_ptr<Exporter> started(const std::string& file) {
    folder_.write("config.yml", file);
    const auto settings = load();
    EXPECT_TRUE(settings.ok()) << settings.error().message();
    auto made = Exporter::make(*settings, log_, [this] { return load(); });
    EXPECT_TRUE(made.ok());
    return std::move(*made);
  }

  void reload(Exporter& exporter, const std::string& file) {
    folder_.write("config.yml", file);
    EXPECT_TRUE(exporter.reload().ok());
  }

  static testing::Exposition scrape(Exporter& exporter) {
    HttpRequest request;
    request.method = "GET";
    request.path = "/metrics";
    const auto reply = exporter.handle(request);
    EXPECT_EQ(reply.status, 200);
    auto parsed = testing::parse_text(*reply.body);
    EXPECT_TRUE(parsed.ok());
    return parsed.ok() ? *parsed : testing::Exposition{};
  }

  static double number(Exporter& exporter, std::string_view family) {
    const auto exposition = scrape(exporter);
    const auto* found = testing::find_family(exposition, family);
    double sum = 0;
    if (found == nullptr) return -1;
    for (const auto& sample : found->samples) sum += sample.value;
    return sum;
  }

  testing::TempTree procfs_;
  testing::TempTree folder_;
  std::ostringstream log_text_;
  Log log_{LogFormat::logfmt, LogLevel::info,
           std::make_shared<spdlog::sinks::ostream_sink_mt>(log_text_)};
};

/// What shows that a row is in force: it differs between the two values. Each is put into its place
/// in the file, beside what else it takes to see it.
struct Effect {
  std::string before;
  std::string after;
  std::string besides;  ///< in the file
  std::function<std::string(Exporter&)> seen;
};

class ReloadEffectsTest : public ReloadTest, public ::testing::WithParamInterface<std::string> {
 protected:
  static std::string file_with(const Effect& effect, const std::string& value) {
    const auto& key = GetParam();
    const auto dot = key.find('.');
    if (dot == std::string::npos) return key + ": " + value + '\n' + effect.besides;
    const auto block = key.substr(0, dot) + ":\n";
    const auto line = "  " + key.substr(dot + 1) + ": " + value + '\n';
    auto file = effect.besides;
    const auto at = file.find(block);
    if (at == std::string::npos) return file + block + line;
    return file.insert(at + block.size(), line);
  }

  /// All processes are read in every scrape, but for what `key` says.
  static std::string eager(std::string_view key) {
    std::string text =
        "pss:\n  max_age: 10ms\n  mappings_max_age: 10ms\n  wait: 10s\n  burst: 10s\n"
        "  stall_budget: 100%\n  cpu_budget: 100%\n";
    const auto at = text.find("  " + std::string(key) + ':');
    return at == std::string::npos ? text : text.erase(at, text.find('\n', at) + 1 - at);
  }

  static std::function<std::string(Exporter&)> samples_of(std::string_view family) {
    return [family](Exporter& exporter) { return seen(scrape(exporter), family, true); };
  }

  /// Whether what has been read of every process is read again soon.
  static std::function<std::string(Exporter&)> reads_again(std::string_view family) {
    return [family](Exporter& exporter) {
      const auto before = number(exporter, family);
      for (int tries = 0; tries < 15; ++tries) {
        std::this_thread::sleep_for(milliseconds(30));
        if (number(exporter, family) > before + processes) return "again";
      }
      return "not again";
    };
  }

  /// Whether a scrape waits for a process whose read hangs. One that has hung for two seconds is
  /// waited for no more.
  std::string waits(Exporter& exporter, std::uint64_t kib) {
    const auto pid = next_pid_++;
    write_process(pid, "hangs", kib);
    hanging_.push_back(procfs_.path(std::to_string(pid) + "/smaps_rollup"));
    procfs_.remove(std::to_string(pid) + "/smaps_rollup");
    EXPECT_EQ(::mkfifo(hanging_.back().c_str(), 0600), 0);
    const auto start = std::chrono::steady_clock::now();
    scrape(exporter);
    return std::chrono::steady_clock::now() - start > seconds(1) ? "waits" : "goes on";
  }

  /// Whether so many scrapes bring the PSS of all that have started since the last one.
  std::string measures(Exporter& exporter, int scrapes = 1) {
    scrape(exporter);
    for (int i = 0; i < 100; ++i) write_process(next_pid_++, "new", 300);
    for (; scrapes > 0; --scrapes) {
      const auto exposition = scrape(exporter);
      const auto* family = testing::find_family(exposition, "memory_exporter_processes");
      for (const auto& sample : family->samples) {
        if (sample.label("state") == "pending" && sample.value <= 25) return "all";
      }
      if (scrapes > 1) std::this_thread::sleep_for(milliseconds(20));
    }
    return "some";
  }

  Effect effect(const std::string& key) {
    if (key == "group_by") {
      return {"[name, cgroup]", "[name]", "", samples_of("memory_group_processes")};
    }
    if (key == "max_groups") return {"1000", "1", "", samples_of("memory_group_processes")};
    if (key == "collectors.vmstat.fields") {
      return {"free", "dirty", "", samples_of("memory_vmstat_other")};
    }
    const auto cgroups = samples_of("memory_cgroup_current_bytes");
    if (key == "collectors.cgroup.depth") return {"1", "3", "", cgroups};
    if (key == "collectors.cgroup.max") return {"1000", "2", "", cgroups};
    if (key == "collectors.cgroup.include") return {"''", "^/a", "", cgroups};
    if (key == "collectors.cgroup.exclude") return {"''", "^/a", "", cgroups};
    if (key == "pss.mode") return {"off", "exact", "", samples_of("memory_group_pss_bytes")};
    if (key == "pss.wait")
      return {"10s", "0s", "", [this](Exporter& exporter) { return waits(exporter, 300); }};
    if (key == "pss.max_age") {
      return {"1h", "10ms", eager("max_age"), reads_again("memory_exporter_pss_reads_total")};
    }
    if (key == "pss.mappings_max_age") {
      return {"1h", "10ms",
              "collectors:\n  mappings: true\n  limits: false\n" + eager("mappings_max_age"),
              reads_again("memory_exporter_file_reads_total")};
    }
    if (key == "pss.cpu_budget") {
      return {"0.0001%", "100%", "pss:\n  wait: 10s\n  stall_budget: 100%\n  burst: 1ms\n",
              [this](Exporter& exporter) { return measures(exporter, 20); }};
    }
    if (key == "pss.burst") {
      return {"1ms", "10s", "pss:\n  wait: 10s\n  stall_budget: 100%\n  cpu_budget: 2%\n",
              [this](Exporter& exporter) {
                scrape(exporter);
                std::this_thread::sleep_for(seconds(2));  // to save up
                return measures(exporter);
              }};
    }
    if (key == "pss.stall_budget") {
      return {"0.0001%", "100%", eager("stall_budget"),
              reads_again("memory_exporter_pss_reads_total")};
    }
    if (key == "pss.stall_limit") {
      // No scrape waits for a giant.
      return {"1h", "1ms", "pss:\n  wait: 10s\n",
              [this](Exporter& exporter) { return waits(exporter, 200 << 10); }};
    }
    if (key == "pss.tier") {
      return {"pagemap", "rollup", "", [](Exporter& exporter) {
                const auto exposition = scrape(exporter);
                const auto* tiers = testing::find_family(exposition, "memory_exporter_pss_tier");
                std::string text;
                for (const auto& sample : tiers->samples) {
                  if (sample.value == 1) text += sample.label("tier");
                }
                return text;
              }};
    }
    for (const auto& entry : collector_table()) {
      if (key != "collectors." + std::string(entry.name)) continue;
      return {entry.on_by_default ? "true" : "false", entry.on_by_default ? "false" : "true", "",
              samples_of("memory_exporter_collector_success")};
    }
    return {};
  }

  /// Whether giants could be walked in parts.
  bool show_pages() {
    procfs_.write("self/status", "");
    std::filesystem::create_symlink("/proc/self/pagemap", procfs_.path("self/pagemap"));
    std::filesystem::create_symlink("/proc/kpagecount", procfs_.path("kpagecount"));
    const auto shown = procfs::can_count_page_mappings(procfs_.open());
    return shown && *shown;
  }

  /// Lets go of those that hang: read and write never hangs, and closed again it reads as empty.
  ~ReloadEffectsTest() override {
    for (const auto& path : hanging_) {
      const FileDescriptor writer(::open(path.c_str(), O_RDWR | O_CLOEXEC));
      std::this_thread::sleep_for(milliseconds(20));
    }
  }

  int next_pid_ = 1000;
  std::vector<std::string> hanging_;
};

std::vector<std::string> all_keys() {
  std::vector<std::string> keys;
  for (const auto& row : config::rows()) {
    if (!row.key.empty()) keys.push_back(row.key);
  }
  return keys;
}

TEST_P(ReloadEffectsTest, IsInForceAtTheNextCollectionAsAfterARestart) {
  if (GetParam() == "pss.tier" && !show_pages()) GTEST_SKIP() << "root alone may see pages";
  const auto effect = this->effect(GetParam());
  ASSERT_TRUE(effect.seen) << "say in effect() what shows that this key is in force";
  const auto running = started(file_with(effect, effect.before));
  const auto before = effect.seen(*running);
  reload(*running, file_with(effect, effect.after));
  const auto after = effect.seen(*running);
  EXPECT_NE(after, before);
  EXPECT_EQ(after, effect.seen(*started(file_with(effect, effect.after))));
}

INSTANTIATE_TEST_SUITE_P(EveryKey, ReloadEffectsTest, ::testing::ValuesIn(all_keys()),
                         [](const auto& key) {
                           auto name = key.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

TEST_F(ReloadTest, CountersOfGroupsGoOnAlsoWhereTheirDimensionsComeBack) {
  const auto faults = [](Exporter& exporter, std::string_view cgroup) {
    const auto exposition = scrape(exporter);
    const auto* family = testing::find_family(exposition, "memory_group_page_faults_total");
    if (family == nullptr) return -1.0;
    for (const auto& sample : family->samples) {
      if (sample.label("severity") == "minor" && sample.label("name") == "db" &&
          sample.label("cgroup") == cgroup) {
        return sample.value;
      }
    }
    return -2.0;
  };
  const auto exporter = started("group_by: [name, cgroup]\n");
  EXPECT_EQ(faults(*exporter, "/db"), 1500);
  procfs_.remove("1");
  reload(*exporter, "group_by: [name, cgroup]\nmax_groups: 50\n");
  EXPECT_EQ(faults(*exporter, "/db"), 1500) << "what the one that has ended did stays";
  reload(*exporter, "group_by: [name]\n");
  EXPECT_EQ(faults(*exporter, ""), 1400) << "a new grouping begins as after a restart";
  FakeProcess process{.pid = 3, .comm = "db", .ppid = 0, .minor_faults = 110, .anon_kib = 303};
  process.cgroup = "0::/db\n";
  process.write(procfs_);
  EXPECT_EQ(faults(*exporter, ""), 1410);
  reload(*exporter, "group_by: [name, cgroup]\n");
  EXPECT_EQ(faults(*exporter, "/db"), 1510) << "goes on, with what was done meanwhile";
  reload(*exporter, "group_by: [name]\n");
  EXPECT_EQ(faults(*exporter, ""), 1410);
}

TEST_F(ReloadTest, WhatIsRefusedChangesNothing) {
  const auto exporter = started("group_by: [name]\npss: {mode: exact}\n");
  const auto groups = seen(scrape(*exporter), "memory_group_processes", true);
  for (const auto& key : all_keys()) {
    const auto dot = key.find('.');
    const auto wrong = dot == std::string::npos
                           ? key + ": {}\n"
                           : key.substr(0, dot) + ": {" + key.substr(dot + 1) + ": [1]}\n";
    folder_.write("config.yml", "max_groups: 1\n" + wrong);
    EXPECT_FALSE(exporter->reload().ok()) << key;
  }
  const auto after = scrape(*exporter);
  EXPECT_EQ(seen(after, "memory_group_processes", true), groups);
  EXPECT_EQ(seen(after, "memory_exporter_config_last_reload_successful"), "0.000000");
}

TEST_F(ReloadTest, TheProcessesOfACollectionBeforeItAreNotShared) {
  folder_.write("config.yml", "group_by: [name, cgroup]\n");
  auto settings = load();
  ASSERT_TRUE(settings.ok());
  settings->scrape_share = seconds(60);
  const auto made = Exporter::make(*settings, log_, [&]() -> Result<config::Settings> {
    settings->process.group_by = {process::dimension_named("name")};
    return *settings;
  });
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(
      testing::find_family(scrape(**made), "memory_group_processes")->samples.front().labels.size(),
      2u);
  ASSERT_TRUE((*made)->reload().ok());
  EXPECT_EQ(
      testing::find_family(scrape(**made), "memory_group_processes")->samples.front().labels.size(),
      1u);
}

}  // namespace
}  // namespace memory_exporter
