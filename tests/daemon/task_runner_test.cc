#include "daemon/task_runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace memory_exporter {
namespace {

using ::testing::ElementsAre;
using Clock = TaskRunner::Clock;
using Outcome = TaskRunner::Outcome;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// A task that does not end before the test says so.
class Gate {
 public:
  void pass() {
    std::unique_lock lock(mutex_);
    ++inside_;
    changed_.wait(lock, [&] { return open_; });
    --inside_;
  }
  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  int inside() {
    const std::lock_guard lock(mutex_);
    return inside_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int inside_ = 0;
};

TaskRunner::Task through(const std::shared_ptr<Gate>& gate, std::string name) {
  return {std::move(name), [gate] { gate->pass(); }};
}

TaskRunner::Task counts(const std::shared_ptr<std::atomic<int>>& counter, std::string name) {
  return {std::move(name), [counter] { ++*counter; }};
}

TEST(TaskRunner, RunsAllInOrder) {
  TaskRunner runner;
  std::string order;
  std::vector<TaskRunner::Task> tasks;
  for (const char letter : std::string("abcdef")) {
    tasks.push_back({std::string(1, letter), [&order, letter] { order += letter; }});
  }
  const auto batch = runner.start(std::move(tasks));
  EXPECT_THAT(runner.wait(batch, Clock::now() + seconds(10)),
              ElementsAre(Outcome::done, Outcome::done, Outcome::done, Outcome::done, Outcome::done,
                          Outcome::done));
  EXPECT_EQ(order, "abcdef");
  EXPECT_THAT(runner.wait(runner.start({}), Clock::now() + seconds(10)), ElementsAre());
}

TEST(TaskRunner, LetsTheOthersPassOneThatHangs) {
  TaskRunner runner;
  const auto gate = std::make_shared<Gate>();
  const auto ran = std::make_shared<std::atomic<int>>(0);
  const auto batch =
      runner.start({through(gate, "a"), counts(ran, "b"), through(gate, "c"), counts(ran, "d")});
  EXPECT_THAT(runner.wait(batch, Clock::now() + milliseconds(1100)),
              ElementsAre(Outcome::late, Outcome::done, Outcome::late, Outcome::done));
  EXPECT_EQ(*ran, 2);
  // Not begun again, and not waited for.
  const auto begin = Clock::now();
  EXPECT_EQ(runner.run(through(gate, "a"), Clock::now() + seconds(30)), Outcome::hanging);
  EXPECT_EQ(runner.run(counts(ran, "b"), Clock::now() + seconds(30)), Outcome::done);
  EXPECT_LT(Clock::now() - begin, seconds(10));
  EXPECT_EQ(gate->inside(), 2);
  // When it comes back, all is as before.
  gate->open();
  auto outcome = Outcome::hanging;
  for (int i = 0; i < 500 && outcome == Outcome::hanging; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
    outcome = runner.run(counts(ran, "a"), Clock::now() + seconds(10));
  }
  EXPECT_EQ(outcome, Outcome::done);
  EXPECT_TRUE(runner.stop(seconds(5)));
}

// A client with a tiny timeout of its own must not cost the others theirs.
TEST(TaskRunner, DoesNotTakeOneThatIsSlowForOneThatHangs) {
  TaskRunner runner;
  const auto gate = std::make_shared<Gate>();
  EXPECT_EQ(runner.run(through(gate, "a"), Clock::now() + milliseconds(20)), Outcome::late);
  std::thread opener([gate] {
    std::this_thread::sleep_for(milliseconds(50));
    gate->open();
  });
  const auto ran = std::make_shared<std::atomic<int>>(0);
  EXPECT_EQ(runner.run(counts(ran, "a"), Clock::now() + seconds(10)), Outcome::done);
  EXPECT_EQ(*ran, 1);
  opener.join();
}

TEST(TaskRunner, NeverRunsTwoOfOneNameAtTheSameTime) {
  TaskRunner runner;
  const auto at_once = std::make_shared<std::atomic<int>>(0);
  const auto most = std::make_shared<std::atomic<int>>(0);
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&runner, at_once, most] {
      const auto task = [at_once, most] {
        *most = std::max(most->load(), ++*at_once);
        std::this_thread::sleep_for(milliseconds(5));
        --*at_once;
      };
      EXPECT_EQ(runner.run({"a", task}, Clock::now() + seconds(30)), Outcome::done);
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(*most, 1);
}

TEST(TaskRunner, HasNoMoreThreadsThanItMay) {
  TaskRunner runner(2);
  const auto gate = std::make_shared<Gate>();
  const auto ran = std::make_shared<std::atomic<int>>(0);
  const auto batch =
      runner.start({through(gate, "a"), through(gate, "b"), through(gate, "c"), counts(ran, "d")});
  EXPECT_THAT(runner.wait(batch, Clock::now() + milliseconds(300)),
              ElementsAre(Outcome::late, Outcome::late, Outcome::late, Outcome::late));
  EXPECT_EQ(gate->inside(), 2);
  EXPECT_EQ(*ran, 0);
  gate->open();
}

TEST(TaskRunner, StopsWhileOneHangsAndLeavesItBehind) {
  const auto gate = std::make_shared<Gate>();
  {
    TaskRunner runner;
    EXPECT_EQ(runner.run(through(gate, "a"), Clock::now() + milliseconds(20)), Outcome::late);
    EXPECT_FALSE(runner.stop(milliseconds(20)));
    EXPECT_EQ(runner.run(through(gate, "b"), Clock::now() + seconds(30)), Outcome::late);
  }
  gate->open();
  for (int i = 0; i < 500 && gate->inside() > 0; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_EQ(gate->inside(), 0);
}

}  // namespace
}  // namespace memory_exporter
