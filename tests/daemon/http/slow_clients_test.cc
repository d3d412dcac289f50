#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/null_sink.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "daemon/http/http_server.h"
#include "tests/daemon/http/http_client.h"

namespace memory_exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::Connection;
using testing::http;
using testing::parse_response;

/// Longer than any test takes: what ends before was ended because others needed it.
constexpr seconds for_ever{60};

/// A server of few threads, so that few clients suffice to hold them all.
class SlowClientsTest : public ::testing::Test {
 protected:
  static constexpr unsigned threads = 8;  // two of them spare, four for slow readers

  void start(HttpServer::Limits limits = {threads, for_ever, for_ever, std::size_t{1} << 30}) {
    auto server = HttpServer::start({{"127.0.0.1", 0}}, limits,
                                    {[this](const HttpRequest& request) { return answer(request); },
                                     [this](int status) { last_refused_ = status; }},
                                    log_);
    ASSERT_TRUE(server.ok()) << server.error().message();
    server_ = std::move(*server);
  }

  virtual HttpReply answer(const HttpRequest& request) {
    HttpReply reply;
    const std::lock_guard lock(large_mutex_);
    if (request.path == "/large") reply.body = large_;
    return reply;
  }

  /// What is large from now on, while the server runs.
  void replace_large(char sign) {
    const std::lock_guard lock(large_mutex_);
    large_ = std::make_shared<const std::string>(16'000'000, sign);
  }

  std::uint16_t port() const { return server_->addresses().at(0).port; }

  /// As many connections as would hold every thread twice over, each with `text` sent.
  std::vector<Connection> hold_all_threads(const std::string& text) {
    std::vector<Connection> all;
    for (unsigned i = 0; i < 2 * threads; ++i) {
      all.emplace_back(port(), 4096);
      EXPECT_TRUE(all.back().send(text));
    }
    std::this_thread::sleep_for(milliseconds(100));
    return all;
  }

  /// Somebody else's requests, one after another.
  void expect_others_are_served() {
    for (int i = 0; i < 10; ++i) {
      const auto begin = steady_clock::now();
      EXPECT_EQ(http(port(), "GET", "/").status, 200);
      EXPECT_LT(steady_clock::now() - begin, seconds(5));
    }
  }

  Connection ask_for_large(int receive_buffer = 4096) {
    Connection connection(port(), receive_buffer);
    EXPECT_TRUE(connection.send("GET /large HTTP/1.1\r\n\r\n"));
    return connection;
  }

  /// A reader that takes 100 kB, waits, and so on: how much it got in the end.
  std::future<std::size_t> read_steadily(milliseconds pause) {
    return std::async(std::launch::async, [reader = ask_for_large(100'000), pause] {
      std::size_t got = 0;
      while (const auto more = reader.take(100'000, seconds(10))) {
        got += more;
        std::this_thread::sleep_for(pause);
      }
      return got;
    });
  }

  Log log_{LogFormat::logfmt, LogLevel::error, std::make_shared<spdlog::sinks::null_sink_mt>()};
  std::mutex large_mutex_;
  Body large_ = std::make_shared<const std::string>(16'000'000, 'x');
  std::atomic<int> last_refused_ = 0;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(SlowClientsTest, HeadsThatAreNotCompletedKeepNobodyOut) {
  start();
  const auto slow = hold_all_threads("GET / HTTP/1.1\r\nX-Slow: ");
  expect_others_are_served();
  EXPECT_GE(server_->cut_counts().slow_head, threads);
}

TEST_F(SlowClientsTest, ClientsThatSendNothingKeepNobodyOut) {
  start();
  const auto silent = hold_all_threads("");
  expect_others_are_served();
}

TEST_F(SlowClientsTest, AHeadThatDripsKeepsNobodyOut) {
  start();
  const auto drips = hold_all_threads("GET / HTTP/1.1\r\nX: ");
  std::atomic<bool> enough = false;
  std::thread dripping([&] {
    while (!enough) {
      for (const auto& drip : drips) drip.send("x");
      std::this_thread::sleep_for(milliseconds(20));
    }
  });
  expect_others_are_served();
  enough = true;
  dripping.join();
}

TEST_F(SlowClientsTest, BodiesThatDripKeepNobodyOut) {
  start();
  const auto drips = hold_all_threads("GET / HTTP/1.1\r\nContent-Length: 2000000000\r\n\r\nx");
  std::atomic<bool> enough = false;
  std::thread dripping([&] {
    while (!enough) {
      for (const auto& drip : drips) drip.send("x");
      std::this_thread::sleep_for(milliseconds(20));
    }
  });
  expect_others_are_served();
  enough = true;
  dripping.join();
  EXPECT_EQ(server_->cut_counts().slow_head, 0u) << "they were answered";
  EXPECT_EQ(server_->cut_counts().slow_reader, 0u) << "and no thread was left with them";
}

TEST_F(SlowClientsTest, ChunksWithoutEndKeepNobodyOut) {
  start();
  const auto drips =
      hold_all_threads("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab");
  expect_others_are_served();
}

TEST_F(SlowClientsTest, WhatIsNoHttpKeepsNobodyOutAndIsReported) {
  start();
  const auto hellos = hold_all_threads(std::string("\x16\x03\x01\x02\x00\x01\x00", 7));
  expect_others_are_served();
  EXPECT_EQ(last_refused_, 400);
}

TEST_F(SlowClientsTest, RequestsInOneGoKeepNobodyOut) {
  start();
  std::string many;
  for (int i = 0; i < 2000; ++i) many += "GET / HTTP/1.1\r\n\r\n\xff\x01garbage";
  const auto pipelined = hold_all_threads(many);
  expect_others_are_served();
}

TEST_F(SlowClientsTest, ReadersThatStopKeepNobodyOut) {
  start();
  std::vector<Connection> lazy;
  for (unsigned i = 0; i < 2 * threads; ++i) lazy.push_back(ask_for_large());
  std::this_thread::sleep_for(milliseconds(300));
  expect_others_are_served();
  EXPECT_GE(server_->cut_counts().slow_reader, threads);
}

TEST_F(SlowClientsTest, TheFirstSlowReadersAreServedToTheEndWhateverComesBehindThem) {
  large_ = std::make_shared<const std::string>(3'000'000, 'x');
  start();
  // Some MB/s each: far longer than a quick reader would take.
  std::vector<std::future<std::size_t>> readers;
  for (int i = 0; i < 3; ++i) readers.push_back(read_steadily(milliseconds(2)));
  std::this_thread::sleep_for(milliseconds(100));
  std::vector<Connection> lazy;
  for (unsigned i = 0; i < 2 * threads; ++i) lazy.push_back(ask_for_large());
  expect_others_are_served();
  for (auto& reader : readers) EXPECT_GT(reader.get(), large_->size());
}

TEST_F(SlowClientsTest, AReaderThatGoesOnHasNoDeadline) {
  large_ = std::make_shared<const std::string>(2'000'000, 'x');
  start({threads, for_ever, milliseconds(400), std::size_t{1} << 30});
  // So slow that the kernel's buffer has room for the next write less often than once in 400 ms.
  const auto reader = ask_for_large(20'000);
  const auto begin = steady_clock::now();
  std::size_t got = 0;
  while (steady_clock::now() - begin < seconds(4)) {
    got += reader.take(1500, seconds(10));
    std::this_thread::sleep_for(milliseconds(20));
  }
  got += reader.receive().size();
  EXPECT_GT(got, large_->size());
  EXPECT_GT(steady_clock::now() - begin, milliseconds(800)) << "slower than its patience";
  EXPECT_EQ(server_->cut_counts().stalled, 0u);
}

TEST_F(SlowClientsTest, AReaderThatStopsIsCutOff) {
  start({threads, for_ever, milliseconds(400), std::size_t{1} << 30});
  const auto lazy = ask_for_large();
  const auto end = steady_clock::now() + seconds(10);
  while (server_->cut_counts().stalled == 0 && steady_clock::now() < end) {
    std::this_thread::sleep_for(milliseconds(20));
  }
  EXPECT_EQ(server_->cut_counts().stalled, 1u);
  EXPECT_LT(lazy.receive().size(), large_->size());
}

TEST_F(SlowClientsTest, BytesThatOthersNeedAreTakenFromWhoeverCameLast) {
  // Room for one large reply beside the next.
  start({threads, for_ever, for_ever, 36'000'000});
  auto first = read_steadily(milliseconds(10));
  std::this_thread::sleep_for(milliseconds(100));
  replace_large('y');
  auto second = read_steadily(milliseconds(10));
  std::this_thread::sleep_for(milliseconds(100));
  replace_large('z');
  auto third = read_steadily(milliseconds(10));
  std::this_thread::sleep_for(milliseconds(400));
  server_->shed();
  EXPECT_EQ(server_->cut_counts().slow_reader, 2u);
  EXPECT_GT(first.get(), large_->size());
  EXPECT_LT(second.get(), large_->size());
  EXPECT_LT(third.get(), large_->size());
}

TEST_F(SlowClientsTest, WhoReadsSteadilyOutlastsOneThatCameFirstAndReadsNothing) {
  // Room for one large reply beside the next.
  start({threads, for_ever, for_ever, 36'000'000});
  const auto lazy = ask_for_large();
  std::this_thread::sleep_for(milliseconds(100));
  replace_large('y');
  auto steady = read_steadily(milliseconds(20));
  // Until it is known of both how they read. All of it takes 3 s.
  std::this_thread::sleep_for(milliseconds(1500));
  server_->shed();
  EXPECT_EQ(server_->cut_counts().slow_reader, 1u);
  EXPECT_LT(lazy.receive().size(), large_->size());
  EXPECT_GT(steady.get(), large_->size());
}

TEST_F(SlowClientsTest, AReplyReachesAClientThatWasStillSending) {
  large_ = std::make_shared<const std::string>(1'000'000, 'x');
  start();
  for (int i = 0; i < 10; ++i) {
    const Connection connection(port());
    connection.send("POST /large HTTP/1.1\r\nContent-Length: 60000\r\n\r\n");
    connection.send(std::string(60'000, 'b'));
    EXPECT_EQ(parse_response(connection.receive()).body.size(), large_->size());
  }
}

TEST_F(SlowClientsTest, WhatWasCutIsGone) {
  start();
  {
    const auto slow = hold_all_threads("GET / HTTP/1.1\r\nX-Slow: ");
    expect_others_are_served();
    for (const auto& client : slow) client.receive(milliseconds(500));
  }
  // Nothing is left that would be cut again, or that a thread is kept from.
  const auto cut = server_->cut_counts().slow_head;
  expect_others_are_served();
  EXPECT_EQ(server_->cut_counts().slow_head, cut);
}

/// Answers nobody until the test says so.
class BusyServerTest : public SlowClientsTest {
 protected:
  /// Before what its threads wait with.
  ~BusyServerTest() override {
    release();
    server_.reset();
  }

  HttpReply answer(const HttpRequest& request) override {
    if (request.path == "/wait") {
      std::unique_lock lock(mutex_);
      ++waiting_;
      changed_.notify_all();
      changed_.wait(lock, [this] { return released_; });
    }
    HttpReply reply;
    reply.status = request.crowded ? 503 : 200;
    return reply;
  }

  void release() {
    const std::lock_guard lock(mutex_);
    released_ = true;
    changed_.notify_all();
  }

  void wait_for(unsigned waiting) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ >= waiting; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned waiting_ = 0;
  bool released_ = false;
};

TEST_F(BusyServerTest, RequestsAreToldWhenFewThreadsAreLeft) {
  start();
  std::vector<Connection> waiting;
  for (unsigned i = 1; i <= threads - 2; ++i) {
    EXPECT_EQ(http(port(), "GET", "/").status, 200) << "with " << i - 1 << " waiting";
    waiting.emplace_back(port());
    waiting.back().send("GET /wait HTTP/1.1\r\n\r\n");
    wait_for(i);
  }
  EXPECT_EQ(http(port(), "GET", "/").status, 503);
  release();
}

}  // namespace
}  // namespace memory_exporter
