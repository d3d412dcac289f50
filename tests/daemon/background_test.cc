#include "daemon/background.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <new>
#include <thread>

namespace memory_exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

Error failure(std::string what) {
  return Error{ErrorKind::failed, std::move(what), {}, 0};
}

/// A start and reloads that the test lets go on.
class BackgroundTest : public ::testing::Test {
 protected:
  Background::Tasks tasks() {
    return {.start =
                [this] {
                  may_start_.wait();
                  return start_outcome_;
                },
            .started = [this](Status outcome) { started_.set_value(outcome.ok()); },
            .reload = [this]() -> Status {
              ++reloads_;
              may_reload_.wait();
              return reload_outcome_;
            }};
  }

  void wait_for_reloads(int count) {
    while (reloads_ < count) std::this_thread::sleep_for(milliseconds(1));
  }

  std::promise<void> start_;
  std::shared_future<void> may_start_ = start_.get_future();
  std::promise<void> reload_;
  std::shared_future<void> may_reload_ = reload_.get_future();
  Status start_outcome_ = Done{};
  Status reload_outcome_ = Done{};
  std::promise<bool> started_;
  std::atomic<int> reloads_ = 0;
};

TEST_F(BackgroundTest, StartsAndSaysWhatCameOfIt) {
  start_.set_value();
  Background background(tasks());
  EXPECT_TRUE(started_.get_future().get());
  EXPECT_TRUE(background.stop());
  EXPECT_EQ(reloads_, 0);
}

TEST_F(BackgroundTest, EndsAfterAStartThatFailed) {
  start_outcome_ = failure("no tree");
  start_.set_value();
  Background background(tasks());
  EXPECT_FALSE(started_.get_future().get());
  background.ask_for_reload();
  EXPECT_TRUE(background.stop());
  EXPECT_EQ(reloads_, 0);
}

TEST_F(BackgroundTest, WhatATaskThrowsIsItsError) {
  auto throwing = tasks();
  throwing.reload = []() -> Status { throw std::bad_alloc(); };
  start_.set_value();
  Background background(throwing);
  const auto reloaded = background.reload();
  ASSERT_FALSE(reloaded.ok());
  EXPECT_NE(reloaded.error().what.find("not enough memory"), std::string::npos);
  EXPECT_FALSE(background.reload().ok()) << "the thread lives on";
}

TEST_F(BackgroundTest, AStormOfRequestsIsAFewReloads) {
  start_.set_value();
  Background background(tasks());
  background.ask_for_reload();
  wait_for_reloads(1);
  for (int i = 0; i < 100'000; ++i) background.ask_for_reload();
  reload_.set_value();
  EXPECT_TRUE(background.reload().ok());
  EXPECT_LE(reloads_, 3);
}

TEST_F(BackgroundTest, WhoAsksDuringAReloadGetsTheNextOne) {
  start_.set_value();
  Background background(tasks());
  background.ask_for_reload();
  wait_for_reloads(1);
  auto second = std::async(std::launch::async, [&] { return background.reload(); });
  EXPECT_EQ(second.wait_for(milliseconds(50)), std::future_status::timeout);
  reload_outcome_ = failure("a mistake");
  reload_.set_value();
  const auto outcome = second.get();
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().what, "a mistake");
  EXPECT_EQ(reloads_, 2);
}

TEST_F(BackgroundTest, AReloadThatHangsHoldsUpNobody) {
  start_.set_value();
  Background background(tasks());
  const auto start = steady_clock::now();
  EXPECT_FALSE(background.reload().ok());
  EXPECT_FALSE(background.stop(milliseconds(50)));
  EXPECT_LT(steady_clock::now() - start, Background::patience + seconds(2));
  reload_.set_value();
  EXPECT_TRUE(background.stop()) << "before what it uses is gone";
}

TEST_F(BackgroundTest, AStartThatHangsHoldsUpNobody) {
  Background background(tasks());
  auto reload = std::async(std::launch::async, [&] { return background.reload(); });
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_FALSE(background.stop(milliseconds(50)));
  const auto outcome = reload.get();
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error().what, "the exporter is stopping");
  start_.set_value();
  EXPECT_TRUE(background.stop());
}

}  // namespace
}  // namespace memory_exporter
