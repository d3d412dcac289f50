#include "daemon/shared_replies.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>

namespace memory_exporter {
namespace {

using Clock = SharedReplies::Clock;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

SharedReplies::Reply reply_of(const std::string& text) {
  return {std::make_shared<const std::string>(text), Clock::now(), true};
}

class SharedRepliesTest : public ::testing::Test {
 protected:
  /// Makes replies numbered from 1, each when the test lets it.
  SharedReplies::Make numbered() {
    return [this]() -> Result<SharedReplies::Reply> {
      const auto number = ++made_;
      while (opened_ < number) std::this_thread::sleep_for(milliseconds(1));
      auto reply = reply_of(std::to_string(number));
      reply.whole = whole_;
      return reply;
    };
  }

  std::string get(SharedReplies& replies, const std::string& key = "key",
                  std::chrono::nanoseconds time = hours(1), bool hurried = false) {
    const auto reply = replies.get(key, {Clock::now() + time, hurried}, numbered());
    return reply ? *reply->body : reply.error().what;
  }

  std::future<std::string> ask(SharedReplies& replies, const std::string& key = "key",
                               std::chrono::nanoseconds time = hours(1), bool hurried = false) {
    return std::async(std::launch::async,
                      [=, this, &replies] { return get(replies, key, time, hurried); });
  }

  void wait_for(int made) const {
    while (made_ < made) std::this_thread::sleep_for(milliseconds(1));
  }

  std::atomic<int> made_ = 0;
  std::atomic<int> opened_ = 0;
  bool whole_ = true;
};

TEST_F(SharedRepliesTest, ThoseWhoAskForTheSameAtTheSameTimeShareIt) {
  SharedReplies replies({});
  auto first = ask(replies);
  wait_for(1);
  std::vector<std::future<std::string>> others;
  for (int i = 0; i < 8; ++i) others.push_back(ask(replies));
  auto different = ask(replies, "other key");
  wait_for(2);
  std::this_thread::sleep_for(milliseconds(50));
  opened_ = 2;
  EXPECT_EQ(first.get(), "1");
  for (auto& other : others) EXPECT_EQ(other.get(), "1");
  EXPECT_EQ(different.get(), "2");
}

TEST_F(SharedRepliesTest, WhoComesSoonAfterGetsTheSame) {
  opened_ = 9;
  SharedReplies replies({.share = hours(1)});
  EXPECT_EQ(get(replies), "1");
  EXPECT_EQ(get(replies), "1");
  EXPECT_EQ(get(replies, "other key"), "2");
  replies.drop_kept();
  EXPECT_EQ(get(replies), "3");
}

TEST_F(SharedRepliesTest, WhoComesLaterGetsANewOneAndNothingIsKeptForHim) {
  opened_ = 9;
  SharedReplies replies({.share = milliseconds(20)});
  std::weak_ptr<const std::string> body;
  {
    const auto reply = replies.get("key", {Clock::now() + hours(1)}, numbered());
    body = reply->body;
  }
  const auto end = Clock::now() + seconds(10);
  while (!body.expired() && Clock::now() < end) std::this_thread::sleep_for(milliseconds(5));
  EXPECT_TRUE(body.expired());
  EXPECT_EQ(get(replies), "2");
}

TEST_F(SharedRepliesTest, NothingIsKeptWhereNothingIsShared) {
  opened_ = 9;
  SharedReplies replies({});
  EXPECT_EQ(get(replies), "1");
  EXPECT_EQ(get(replies), "2");
}

TEST_F(SharedRepliesTest, WhatWasCutShortIsNotKept) {
  opened_ = 9;
  whole_ = false;
  SharedReplies replies({.share = hours(1)});
  EXPECT_EQ(get(replies), "1");
  EXPECT_EQ(get(replies), "2");
}

TEST_F(SharedRepliesTest, WhoHasMoreTimeDoesNotTakeWhatWasMadeInLess) {
  SharedReplies replies({.share = hours(1), .enough_time = seconds(10)});
  auto tiny = ask(replies, "key", milliseconds(50));
  wait_for(1);
  auto patient = ask(replies, "key", hours(1));
  wait_for(2);
  opened_ = 1;
  EXPECT_EQ(tiny.get(), "1");
  EXPECT_EQ(patient.wait_for(milliseconds(50)), std::future_status::timeout);
  opened_ = 2;
  EXPECT_EQ(patient.get(), "2");
  EXPECT_EQ(get(replies, "key", hours(1)), "2");
  EXPECT_EQ(get(replies, "key", seconds(11)), "2");
}

TEST_F(SharedRepliesTest, EnoughTimeServesEverybody) {
  opened_ = 9;
  SharedReplies replies({.share = hours(1), .enough_time = seconds(10)});
  EXPECT_EQ(get(replies, "key", seconds(11)), "1");
  EXPECT_EQ(get(replies, "key", hours(9)), "1");
}

TEST_F(SharedRepliesTest, NobodyWaitsForAnotherBeyondHisOwnDeadline) {
  SharedReplies replies({});
  auto slow = ask(replies);
  wait_for(1);
  opened_ = 0;
  auto quick = ask(replies, "key", milliseconds(50));
  wait_for(2);  // makes his own
  opened_ = 2;
  EXPECT_EQ(quick.get(), "2");
  EXPECT_EQ(slow.get(), "1");
}

TEST_F(SharedRepliesTest, AFailureReachesAllWhoWait) {
  SharedReplies replies({.share = hours(1)});
  std::promise<void> go;
  auto first = std::async(std::launch::async, [&] {
    return replies.get("key", {Clock::now() + hours(1)}, [&]() -> Result<SharedReplies::Reply> {
      ++made_;
      go.get_future().wait();
      throw std::runtime_error("thrown");
    });
  });
  wait_for(1);
  auto second = ask(replies);
  std::this_thread::sleep_for(milliseconds(50));
  go.set_value();
  EXPECT_THROW(static_cast<void>(first.get()), std::runtime_error);
  EXPECT_EQ(second.get(), "the reply could not be made");
  opened_ = 9;
  EXPECT_EQ(get(replies), "2");
}

TEST_F(SharedRepliesTest, WhoIsHurriedWaitsOnlyForWhatComesSoon) {
  SharedReplies replies({.share = seconds(0), .hurry = milliseconds(100)});
  auto slow = ask(replies);
  wait_for(1);
  const auto start = Clock::now();
  EXPECT_EQ(get(replies, "key", hours(1), true), "too many requests wait for their answer");
  EXPECT_LT(Clock::now() - start, seconds(10));
  EXPECT_EQ(get(replies, "other key", hours(1), true), "too many requests wait for their answer");
  opened_ = 9;
  EXPECT_EQ(slow.get(), "1");
  EXPECT_EQ(get(replies, "key", hours(1), true), "2");  // nothing hangs any more
}

}  // namespace
}  // namespace memory_exporter
