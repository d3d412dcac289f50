#include "daemon/scrape.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <sstream>
#include <stdexcept>

#include "tests/collectors/fixture_tree.h"
#include "tests/daemon/recording_sink.h"

namespace memory_exporter {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;
using Clock = SnapshotSource::Clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::array<Family, 3> families = {{{"a_bytes", MetricType::gauge, "a"},
                                             {"b_bytes", MetricType::gauge, "b"},
                                             {"c_bytes", MetricType::gauge, "c"}}};

/// A collector that does what the test says.
class FakeCollector final : public Collector {
 public:
  using Function = std::function<void(Collection&)>;
  FakeCollector(std::string name, Function function)
      : name_(std::move(name)), function_(std::move(function)) {}

  std::string_view name() const override { return name_; }
  std::span<const Family> families() const override { return {}; }
  void collect(Collection& collection) const override { function_(collection); }

 private:
  const std::string name_;
  const Function function_;
};

FakeCollector::Function writes(std::size_t index) {
  return [index](Collection& collection) {
    collection.sink.family(families[index]);
    collection.sink.sample(collection.processes.counts.measured);
  };
}

FakeCollector::Function meets(ErrorKind kind) {
  return [kind](Collection& collection) {
    collection.errors.add("swaps", Error{kind, "Permission denied", "/proc/swaps", 0});
  };
}

class ScrapeTest : public ::testing::Test {
 protected:
  void add(std::string name, FakeCollector::Function function, bool reads_processes = false) {
    collectors_->push_back(
        {std::make_unique<FakeCollector>(std::move(name), std::move(function)), reads_processes});
  }

  Result<Selection> select(const std::vector<std::string>& collect = {},
                           const std::vector<std::string>& exclude = {}) {
    return memory_exporter::select(collectors_, collect, exclude);
  }

  testing::RecordingSink scrape(const Selection& selection) {
    testing::RecordingSink sink;
    memory_exporter::scrape(
        selection,
        [this](Clock::time_point) {
          ++collections_;
          return processes_;
        },
        Clock::now() + time_, collecting_, self_, log_, sink);
    return sink;
  }

  std::shared_ptr<CollectorSet> collectors_ = std::make_shared<CollectorSet>();
  Result<SnapshotSource::Snapshot> processes_ = [] {
    auto snapshot = std::make_shared<process::Snapshot>();
    snapshot->counts.measured = 5;
    return SnapshotSource::Snapshot(snapshot);
  }();
  int collections_ = 0;
  const std::shared_ptr<const Trees> trees_ = std::make_shared<const Trees>(Trees{
      procfs::Tree::absent("/proc"), procfs::Tree::absent("/sys"), procfs::Tree::absent("/")});
  Collecting collecting_{trees_};
  std::chrono::nanoseconds time_ = seconds(10);
  SelfMetrics self_{procfs::Tree::absent("/proc")};
  std::ostringstream log_text_;
  Log log_{LogFormat::logfmt, LogLevel::debug,
           std::make_shared<spdlog::sinks::ostream_sink_mt>(log_text_)};
};

TEST_F(ScrapeTest, WritesCollectorsInOrderAndTheExporterBehindThem) {
  add("b", writes(1), true);
  add("a", writes(0), true);
  const auto sink = scrape(*select());
  ASSERT_GT(sink.families.size(), 2u);
  EXPECT_EQ(sink.families[0], "b_bytes");
  EXPECT_EQ(sink.families[1], "a_bytes");
  EXPECT_EQ(sink.samples.at("a_bytes"), 5);
  EXPECT_EQ(sink.samples.at("memory_exporter_collector_success{collector=\"a\"}"), 1);
  EXPECT_EQ(sink.samples.at("memory_exporter_collector_success{collector=\"b\"}"), 1);
  EXPECT_EQ(sink.samples.at("memory_exporter_processes{state=\"measured\"}"), 5);
  EXPECT_EQ(collections_, 1);
  EXPECT_EQ(log_text_.str(), "");
}

TEST_F(ScrapeTest, ACollectorThatFailsOrThrowsLeavesTheOthersAlone) {
  add("fails", meets(ErrorKind::denied));
  add("throws", [](Collection& collection) {
    collection.sink.family(families[0]);
    throw std::runtime_error("out of luck");
  });
  add("works", writes(1));
  const auto sink = scrape(*select());
  EXPECT_THAT(sink.samples, Contains(Key("b_bytes")));
  EXPECT_EQ(sink.samples.at("memory_exporter_collector_success{collector=\"fails\"}"), 0);
  EXPECT_EQ(sink.samples.at("memory_exporter_collector_success{collector=\"throws\"}"), 0);
  EXPECT_EQ(sink.samples.at("memory_exporter_collector_success{collector=\"works\"}"), 1);
  EXPECT_THAT(log_text_.str(),
              HasSubstr("collector=fails error=\"/proc/swaps: Permission denied\""));
  EXPECT_THAT(log_text_.str(), HasSubstr("collector=throws error=\"out of luck\""));
}

// What alone could not be read is absent and counted. Only where there is nothing else, or where
// what is absent says nothing about the machine, is the run a failure.
TEST_F(ScrapeTest, ARunIsASuccessWhereSomethingOfUseWasRead) {
  const auto success_of = [&](FakeCollector::Function function) {
    collectors_ = std::make_shared<CollectorSet>();
    add("x", std::move(function));
    return scrape(*select()).samples.at("memory_exporter_collector_success{collector=\"x\"}");
  };
  const auto both = [](FakeCollector::Function first, FakeCollector::Function second) {
    return [=](Collection& collection) {
      first(collection);
      second(collection);
    };
  };
  EXPECT_EQ(success_of([](Collection&) {}), 1) << "nothing is there, which is normal";
  EXPECT_EQ(success_of(meets(ErrorKind::vanished)), 1);
  EXPECT_EQ(success_of(meets(ErrorKind::denied)), 0);
  EXPECT_EQ(success_of(meets(ErrorKind::malformed)), 0);
  EXPECT_EQ(success_of(both(meets(ErrorKind::denied), writes(0))), 1);
  EXPECT_EQ(success_of(both(writes(0), meets(ErrorKind::malformed))), 1);
  EXPECT_EQ(success_of(both(writes(0), meets(ErrorKind::exhausted))), 0);
}

TEST_F(ScrapeTest, WhatCouldNotBeReadIsCountedBesideTheErrorsOfProcesses) {
  auto snapshot = std::make_shared<process::Snapshot>();
  snapshot->read_errors[{"swaps", ErrorKind::denied}] = 5;
  processes_ = SnapshotSource::Snapshot(snapshot);
  add("process", writes(0), true);
  add("swap", meets(ErrorKind::denied));
  const auto* series = "memory_exporter_read_errors_total{file=\"swaps\",reason=\"denied\"}";
  EXPECT_EQ(scrape(*select()).samples.at(series), 6);
  // A scrape without processes, and one whose snapshot is older, must not make it fall.
  EXPECT_EQ(scrape(*select({"swap"})).samples.at(series), 7);
  auto older = std::make_shared<process::Snapshot>();
  older->read_errors[{"swaps", ErrorKind::denied}] = 4;
  processes_ = SnapshotSource::Snapshot(older);
  EXPECT_EQ(scrape(*select()).samples.at(series), 8);
  EXPECT_EQ(scrape(*select({"process"})).samples.at(series), 8);
}

TEST_F(ScrapeTest, WhatCouldNotBeReadBesideTheRestIsSaidOnce) {
  add("x", [](Collection& collection) {
    meets(ErrorKind::denied)(collection);
    writes(0)(collection);
  });
  scrape(*select());
  EXPECT_THAT(log_text_.str(), HasSubstr("level=warn msg=\"cannot be read and is absent, which is "
                                         "said once\" collector=x "
                                         "error=\"/proc/swaps: Permission denied\""));
  log_text_.str("");
  scrape(*select());
  EXPECT_THAT(log_text_.str(), Not(HasSubstr("level=warn")));
  EXPECT_THAT(log_text_.str(), HasSubstr("level=debug"));
}

TEST_F(ScrapeTest, MeminfoIsReadOnceForAll) {
  FixtureTree tree;
  tree.write("proc/meminfo", "MemTotal: 8 kB\nMemFree: x\n");
  std::vector<const procfs::Meminfo*> seen;
  for (const auto* name : {"a", "b"}) {
    add(name, [&](Collection& collection) {
      seen.push_back(collection.meminfo.get(collection.errors));
      tree.remove("proc/meminfo");
      EXPECT_TRUE(collection.errors.any());
    });
  }
  testing::RecordingSink sink;
  Collecting collecting{std::shared_ptr<const Trees>(std::shared_ptr<void>(), &tree.trees())};
  memory_exporter::scrape(
      *select(), [this](Clock::time_point) { return processes_; }, Clock::now() + seconds(10),
      collecting, self_, log_, sink);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_NE(seen[0], nullptr);
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_EQ(
      sink.samples.at("memory_exporter_read_errors_total{file=\"meminfo\",reason=\"malformed\"}"),
      1);
}

TEST_F(ScrapeTest, WithoutProcessesOnlyTheirCollectorsFail) {
  processes_ = Error{ErrorKind::io, "too late", {}, 0};
  add("process", writes(0), true);
  add("limits", writes(1), true);
  add("meminfo", writes(2));
  const auto sink = scrape(*select());
  EXPECT_THAT(sink.samples, Not(Contains(Key("a_bytes"))));
  EXPECT_THAT(sink.samples, Contains(Key("c_bytes")));
  EXPECT_EQ(sink.samples.at("memory_exporter_collector_success{collector=\"process\"}"), 0);
  EXPECT_EQ(sink.samples.at("memory_exporter_collector_success{collector=\"limits\"}"), 0);
  EXPECT_EQ(sink.samples.at("memory_exporter_collector_success{collector=\"meminfo\"}"), 1);
  EXPECT_THAT(sink.samples, Not(Contains(Key("memory_exporter_processes{state=\"measured\"}"))));
  EXPECT_EQ(collections_, 1);
}

TEST_F(ScrapeTest, ProcessesAreNotCollectedForThoseWhoDoNotReadThem) {
  add("process", writes(0), true);
  add("meminfo", writes(1));
  const auto sink = scrape(*select({"meminfo"}));
  EXPECT_EQ(collections_, 0);
  EXPECT_THAT(sink.samples, Contains(Key("b_bytes")));
  EXPECT_THAT(sink.samples, Not(Contains(Key("a_bytes"))));
  EXPECT_THAT(sink.samples,
              Not(Contains(Key("memory_exporter_collector_success{collector=\"process\"}"))));
}

TEST_F(ScrapeTest, TheTimeOfACollectorIsItsOwn) {
  add("slow", [](Collection&) { std::this_thread::sleep_for(milliseconds(30)); });
  add("quick", writes(0));
  const auto sink = scrape(*select());
  const auto slow =
      sink.samples.at("memory_exporter_collector_duration_seconds{collector=\"slow\"}");
  const auto quick =
      sink.samples.at("memory_exporter_collector_duration_seconds{collector=\"quick\"}");
  EXPECT_GE(slow, 0.03);
  EXPECT_LT(quick, 0.03);
  EXPECT_GE(quick, 0);
}

/// What hangs until the test lets it go; it may outlive the test's own objects.
struct Hang {
  std::mutex mutex;
  std::condition_variable changed;
  bool over = false;

  void wait() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return over; });
  }
  void end() {
    const std::lock_guard lock(mutex);
    over = true;
    changed.notify_all();
  }
};

TEST_F(ScrapeTest, ACollectorThatHangsCostsItsValuesAlone) {
  const auto hang = std::make_shared<Hang>();
  const auto runs = std::make_shared<std::atomic<int>>(0);
  for (const auto* name : {"first", "second"}) {
    add(name, [hang, runs](Collection& collection) {
      ++*runs;
      hang->wait();
      writes(0)(collection);
    });
  }
  add("works", writes(1));
  time_ = milliseconds(1200);
  const auto begin = Clock::now();
  const auto sink = scrape(*select());
  EXPECT_LT(Clock::now() - begin, seconds(3));
  EXPECT_THAT(sink.samples, Contains(Key("b_bytes")));
  EXPECT_THAT(sink.samples, Not(Contains(Key("a_bytes"))));
  EXPECT_EQ(sink.samples.at("memory_exporter_collector_success{collector=\"first\"}"), 0);
  EXPECT_EQ(sink.samples.at("memory_exporter_collector_success{collector=\"works\"}"), 1);
  EXPECT_EQ(sink.samples.at("memory_exporter_collector_timeouts_total{collector=\"first\"}"), 1);
  EXPECT_EQ(sink.samples.at("memory_exporter_collector_timeouts_total{collector=\"works\"}"), 0);
  EXPECT_THAT(log_text_.str(), HasSubstr("is not done by the deadline"));

  // While it hangs it is neither run again nor waited for, nor said again.
  log_text_.str("");
  time_ = seconds(30);
  const auto again = Clock::now();
  const auto second = scrape(*select());
  EXPECT_LT(Clock::now() - again, seconds(10));
  EXPECT_EQ(*runs, 2);
  EXPECT_EQ(second.samples.at("memory_exporter_collector_timeouts_total{collector=\"first\"}"), 2);
  EXPECT_THAT(log_text_.str(), Not(HasSubstr("level=warn")));

  hang->end();
  testing::RecordingSink healed;
  for (int i = 0; i < 200 && !healed.samples.contains("a_bytes"); ++i) {
    std::this_thread::sleep_for(milliseconds(10));
    healed = scrape(*select());
  }
  EXPECT_EQ(healed.samples.at("memory_exporter_collector_success{collector=\"first\"}"), 1);
  const auto log = log_text_.str();
  const auto back = log.find("level=info msg=\"a collector that hung is back\" collector=first");
  ASSERT_NE(back, std::string::npos) << log;
  EXPECT_EQ(log.find("is back\" collector=first", back + 50), std::string::npos) << "once";
}

TEST_F(ScrapeTest, ACollectorThatSeesItsDeadlinePassKeepsWhatItHas) {
  add("long", [](Collection& collection) {
    writes(0)(collection);
    while (!collection.out_of_time()) std::this_thread::sleep_for(milliseconds(1));
  });
  time_ = milliseconds(300);
  const auto sink = scrape(*select());
  EXPECT_THAT(sink.samples, Contains(Key("a_bytes")));
  EXPECT_EQ(sink.samples.at("memory_exporter_collector_success{collector=\"long\"}"), 0);
  EXPECT_EQ(sink.samples.at("memory_exporter_collector_timeouts_total{collector=\"long\"}"), 1);
}

TEST_F(ScrapeTest, AMeminfoThatHangsCostsTheOthersOnlyWhatItTells) {
  FixtureTree tree;
  ASSERT_EQ(::mkfifo(tree.path("proc/meminfo").c_str(), 0600), 0);
  Collecting collecting{std::shared_ptr<const Trees>(std::shared_ptr<void>(), &tree.trees())};
  const auto asks = [](std::size_t index) {
    return [index](Collection& collection) {
      // The one whose read hangs gets an empty file when the test ends.
      const auto* meminfo = collection.meminfo.get(collection.errors);
      EXPECT_TRUE(meminfo == nullptr || !meminfo->total);
      writes(index)(collection);
    };
  };
  add("a", asks(0));
  add("b", asks(1));
  add("c", writes(2));
  for (const auto time : {milliseconds(1000), milliseconds(400)}) {
    testing::RecordingSink sink;
    memory_exporter::scrape(
        *select(), [this](Clock::time_point) { return processes_; }, Clock::now() + time,
        collecting, self_, log_, sink);
    EXPECT_THAT(sink.samples, Contains(Key("b_bytes")));
    EXPECT_THAT(sink.samples, Contains(Key("c_bytes")));
    EXPECT_EQ(sink.samples.at("memory_exporter_collector_success{collector=\"a\"}"), 0);
    EXPECT_EQ(sink.samples.at("memory_exporter_collector_success{collector=\"b\"}"), 1);
  }
  // Open for both, so that the reader comes back and the tree may go.
  const FileDescriptor writer(::open(tree.path("proc/meminfo").c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_EQ(::write(writer.get(), "x\n", 2), 2);
  collecting.runner.stop(seconds(1));
}

TEST_F(ScrapeTest, CollectAndExcludeChoose) {
  for (const auto* name : {"a", "b", "c"}) add(name, writes(0));
  EXPECT_THAT(select()->wanted, ElementsAre(true, true, true));
  EXPECT_THAT(select({"c", "a"})->wanted, ElementsAre(true, false, true));
  EXPECT_THAT(select({"a", "a"})->wanted, ElementsAre(true, false, false));
  EXPECT_THAT(select({}, {"b"})->wanted, ElementsAre(true, false, true));
  EXPECT_THAT(select({}, {"a", "b", "c"})->wanted, ElementsAre(false, false, false));
}

TEST_F(ScrapeTest, CollectAndExcludeRefuseWhatIsNotOn) {
  add("process", writes(0));
  EXPECT_EQ(select({"proces"}).error().what,
            "collect[]: no collector of this name is on: \"proces\" (did you mean process?)");
  EXPECT_EQ(select({}, {"x"}).error().what, "exclude[]: no collector of this name is on: \"x\"");
  EXPECT_EQ(select({"process"}, {"process"}).error().what,
            "collect[] and exclude[] do not go together: give one of the two");
  const auto hostile = select({"\x1b[31m\n" + std::string(10'000, 'x')}).error().what;
  EXPECT_TRUE(
      hostile.starts_with("collect[]: no collector of this name is on: \"\\u001b[31m\\u000axxx"))
      << hostile;
  EXPECT_LT(hostile.size(), 200u);
}

TEST(TimeForScrape, LeavesHalfASecondOrHalfTheTime) {
  EXPECT_EQ(time_for_scrape(seconds(10)), milliseconds(9500));
  EXPECT_EQ(time_for_scrape(seconds(1)), milliseconds(500));
  EXPECT_EQ(time_for_scrape(milliseconds(600)), milliseconds(300));
  EXPECT_EQ(time_for_scrape(milliseconds(100)), milliseconds(50));
}

TEST(MakeCollectors, FollowsTheTableTheSettingsAndTheSwitch) {
  const Trees trees{procfs::Tree::absent("/proc"), procfs::Tree::absent("/sys"),
                    procfs::Tree::absent("/")};
  const auto names = [&](std::map<std::string, bool, std::less<>> on, bool disable_defaults) {
    std::vector<std::string> all;
    config::Settings settings;
    settings.switches = {disable_defaults, std::move(on)};
    const auto collectors = make_collectors(trees, settings);
    for (const auto& active : *collectors) {
      all.emplace_back(active.collector->name());
    }
    return all;
  };
  std::vector<std::string> defaults;
  for (const auto& entry : collector_table()) {
    if (entry.on_by_default) defaults.emplace_back(entry.name);
  }
  EXPECT_EQ(names({}, false), defaults);
  EXPECT_THAT(names({}, true), ElementsAre());
  EXPECT_THAT(names({{"process", true}}, true), ElementsAre("process"));
  EXPECT_THAT(names({{"process", false}}, false), Not(Contains("process")));
  EXPECT_EQ(names({{"process", false}}, false).size(), defaults.size() - 1);
}

}  // namespace
}  // namespace memory_exporter
