#include "daemon/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <future>
#include <mutex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "collectors/procfs/pagemap.h"
#include "tests/daemon/http/http_client.h"

namespace memory_exporter {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::Connection;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::http;
using testing::parse_response;

class HttpServerTest : public ::testing::Test {
 protected:
  void start(std::function<HttpReply(const HttpRequest&)> answer, HttpServer::Limits limits = {}) {
    auto server = HttpServer::start({{"127.0.0.1", 0}}, limits,
                                    {std::move(answer),
                                     [this](int status) {
                                       const std::lock_guard lock(mutex_);
                                       refused_.push_back(status);
                                     }},
                                    log_);
    ASSERT_TRUE(server.ok()) << server.error().message();
    server_ = std::move(*server);
  }

  std::uint16_t port() const { return server_->addresses().at(0).port; }

  std::ostringstream log_text_;
  Log log_{LogFormat::logfmt, LogLevel::debug,
           std::make_shared<spdlog::sinks::ostream_sink_mt>(log_text_)};
  std::mutex mutex_;  ///< the server calls on each of its threads
  std::vector<int> refused_;
  std::unique_ptr<HttpServer> server_;
};

HttpReply reply_with(std::string body) {
  HttpReply reply;
  reply.body = std::make_shared<const std::string>(std::move(body));
  return reply;
}

TEST_F(HttpServerTest, HandsOverTheRequestAndSendsTheReply) {
  HttpRequest seen;
  start([&](const HttpRequest& request) {
    seen = request;
    auto reply = reply_with("hello\n");
    reply.status = 403;
    reply.content_type = "text/x";
    reply.headers.emplace_back("X-One", "1");
    return reply;
  });
  const auto response =
      http(port(), "GET", "/a%20b?x=1&y=2", "Accept: a\r\naccept: b\r\nX-Other: c\r\n");
  EXPECT_EQ(seen.method, "GET");
  EXPECT_EQ(seen.path, "/a b");
  EXPECT_EQ(seen.query, "x=1&y=2");
  EXPECT_EQ(seen.header("ACCEPT"), "a, b");
  EXPECT_EQ(seen.header("X-Other"), "c");
  EXPECT_EQ(seen.header("X-Missing"), "");
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(response.body, "hello\n");
  EXPECT_EQ(response.header("Content-Length"), "6");
  EXPECT_EQ(response.header("Content-Type"), "text/x");
  EXPECT_EQ(response.header("X-One"), "1");
  EXPECT_EQ(response.header("Connection"), "close");
}

TEST_F(HttpServerTest, HeadGetsTheHeadOfTheGet) {
  start([](const HttpRequest&) { return reply_with(std::string(100'000, 'x')); });
  const auto head = http(port(), "HEAD", "/");
  const auto get = http(port(), "GET", "/");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.headers, get.headers);
  EXPECT_EQ(head.header("Content-Length"), "100000");
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(get.body, std::string(100'000, 'x'));
}

TEST_F(HttpServerTest, LargeRepliesArriveWhole) {
  std::string large;
  for (int i = 0; large.size() < 8'000'000; ++i) large += std::to_string(i) + '\n';
  start([&](const HttpRequest&) { return reply_with(large); });
  EXPECT_EQ(http(port(), "GET", "/").body, large);
}

TEST_F(HttpServerTest, EveryMethodReachesTheHandler) {
  std::mutex mutex;
  std::vector<std::string> methods;
  start([&](const HttpRequest& request) {
    const std::lock_guard lock(mutex);
    methods.push_back(request.method);
    return reply_with("x");
  });
  const std::string preflight = "Origin: http://x\r\nAccess-Control-Request-Method: GET\r\n";
  for (const auto* method : {"GET", "POST", "PUT", "DELETE", "HEAD"}) http(port(), method, "/");
  EXPECT_EQ(http(port(), "OPTIONS", "/", preflight).header("Access-Control-Allow-Origin"), "");
  EXPECT_THAT(methods, ElementsAre("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"));
}

TEST_F(HttpServerTest, WhatTheHandlerThrowsIsAnInternalError) {
  start([](const HttpRequest&) -> HttpReply { throw std::runtime_error("out of luck"); });
  const auto response = http(port(), "GET", "/metrics");
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body, "internal error, see the log\n");
  EXPECT_THAT(log_text_.str(),
              HasSubstr("level=error msg=\"request failed\" path=/metrics error=\"out of luck\""));
}

TEST_F(HttpServerTest, WhatIsNoHttpIsRefusedAndDoesNotReachTheHandler) {
  std::atomic<int> calls = 0;
  start([&](const HttpRequest&) {
    ++calls;
    return reply_with("x");
  });
  for (const auto& text :
       {std::string("garbage\r\n\r\n"), std::string("GET /\r\n\r\n"),
        std::string("GET noslash HTTP/1.1\r\n\r\n"), std::string("\x16\x03\x01\x02\x00\x01", 6),
        "GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n"}) {
    const Connection connection(port());
    connection.send(text);
    const auto response = parse_response(connection.receive());
    EXPECT_NE(response.status, 200) << text.substr(0, 20);
    EXPECT_TRUE(response.status == 0 || response.status >= 400) << text.substr(0, 20);
  }
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(http(port(), "GET", "/").status, 200);
}

TEST_F(HttpServerTest, EveryRefusalIsAnsweredAndReported) {
  start([](const HttpRequest&) { return reply_with("x"); });
  const std::pair<std::string, int> refusals[] = {
      {"garbage\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\n\r\n", 505},
      {"OPTIONS * HTTP/1.1\r\n\r\n", 400},
      {"GET http://another.example/ HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 411},
      {"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nX: " + std::string(8'192, 'x') + "\r\n\r\n", 431},
      {"GET /" + std::string(20'000, 'x') + " HTTP/1.1\r\n\r\n", 431},
      {std::string(2, '\x16') + std::string(1'000, 'x') + "\r\n\r\n", 400},
  };
  std::vector<int> expected;
  for (const auto& [text, status] : refusals) {
    const Connection connection(port());
    connection.send(text);
    const auto response = parse_response(connection.receive());
    // Where more was sent than is read, the reply may be lost on its way.
    EXPECT_TRUE(response.status == status || (response.status == 0 && text.size() > 8'192))
        << text.substr(0, 40) << response.status;
    expected.push_back(status);
  }
  const std::lock_guard lock(mutex_);
  EXPECT_THAT(refused_, ::testing::ElementsAreArray(expected));
}

TEST_F(HttpServerTest, AnAbsoluteUrlOfThisServerIsServed) {
  std::string path;
  start([&](const HttpRequest& request) {
    path = request.path;
    return reply_with("x");
  });
  http(port(), "GET", "http://any.example:" + std::to_string(port()) + "/a?b");
  EXPECT_EQ(path, "/a");
}

TEST_F(HttpServerTest, APathCannotClimb) {
  std::string path;
  start([&](const HttpRequest& request) {
    path = request.path;
    return reply_with("x");
  });
  http(port(), "GET", "/a/../../etc/passwd");
  EXPECT_EQ(path.find(".."), std::string::npos) << path;
}

TEST_F(HttpServerTest, IsNotHeldUpBySlowHeads) {
  start([](const HttpRequest&) { return reply_with("x"); },
        {8, milliseconds(500), milliseconds(500)});
  std::vector<Connection> slow;
  for (int i = 0; i < 20; ++i) {
    slow.emplace_back(port());
    ASSERT_TRUE(slow.back().send("GET /metrics HTTP/1.1\r\nX-Slow: "));
  }
  // Eight threads and twenty of these: the third round begins after a second.
  const auto start = steady_clock::now();
  EXPECT_EQ(http(port(), "GET", "/").status, 200);
  EXPECT_LT(steady_clock::now() - start, seconds(5));
}

TEST_F(HttpServerTest, AHeadThatDripsIsCutOffAllTheSame) {
  start([](const HttpRequest&) { return reply_with("x"); },
        {1, milliseconds(500), milliseconds(500)});
  const Connection drip(port());
  drip.send("GET / HTTP/1.1\r\nX: ");
  std::atomic<bool> enough = false;
  std::thread dripping([&] {
    while (!enough && drip.send("x")) std::this_thread::sleep_for(milliseconds(50));
  });
  const auto start = steady_clock::now();
  const auto status = http(port(), "GET", "/").status;
  const auto waited = steady_clock::now() - start;
  enough = true;
  dripping.join();
  EXPECT_EQ(status, 200);
  EXPECT_LT(waited, seconds(5));
}

TEST_F(HttpServerTest, AClientThatDoesNotReadIsGivenUp) {
  start([](const HttpRequest&) { return reply_with(std::string(64'000'000, 'x')); },
        {1, milliseconds(500), milliseconds(500)});
  const Connection lazy(port(), 4096);
  lazy.send("GET / HTTP/1.1\r\n\r\n");
  std::this_thread::sleep_for(milliseconds(50));
  const auto start = steady_clock::now();
  EXPECT_EQ(http(port(), "HEAD", "/").status, 200);
  EXPECT_LT(steady_clock::now() - start, seconds(5));
}

TEST_F(HttpServerTest, AConnectionServesOneRequest) {
  start([](const HttpRequest&) { return reply_with("x"); });
  const Connection connection(port());
  connection.send("GET / HTTP/1.1\r\nConnection: keep-alive\r\n\r\n");
  const auto text = connection.receive(seconds(5));  // comes back at once: the server closes
  EXPECT_EQ(parse_response(text).header("Connection"), "close");
}

/// Whether the page of an address is in memory.
bool is_present(std::uintptr_t address) {
  const auto tree = procfs::Tree::open("/proc");
  const auto pagemap = procfs::Pagemap::open(*tree, "self/pagemap");
  std::array<procfs::PagemapEntry, 1> page;
  const auto got = pagemap->read(address, page);
  EXPECT_TRUE(got && *got == 1);
  return page[0].present();
}

TEST_F(HttpServerTest, AThreadThatHasServedGivesItsStackBack) {
  std::mutex mutex;
  std::set<std::uintptr_t> frames;
  start([&](const HttpRequest&) {
    const auto frame = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    EXPECT_TRUE(is_present(frame));
    const std::lock_guard lock(mutex);
    frames.insert(frame);
    return reply_with("served\n");
  });
  for (int i = 0; i < 20; ++i) EXPECT_EQ(http(port(), "GET", "/").status, 200);
  ASSERT_GT(frames.size(), 1u) << "each serves in its turn";
  const auto end = steady_clock::now() + seconds(5);
  while (std::any_of(frames.begin(), frames.end(), is_present) && steady_clock::now() < end) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_TRUE(std::none_of(frames.begin(), frames.end(), is_present));
}

TEST_F(HttpServerTest, StopsWhileClientsAreSlow) {
  start([](const HttpRequest&) { return reply_with(std::string(64'000'000, 'x')); });
  const Connection slow_head(port());
  slow_head.send("GET / HTTP/1.1\r\nX: ");
  const Connection lazy(port(), 4096);
  lazy.send("GET / HTTP/1.1\r\n\r\n");
  const Connection silent(port());
  std::this_thread::sleep_for(milliseconds(100));
  const auto start = steady_clock::now();
  server_.reset();
  EXPECT_LT(steady_clock::now() - start, milliseconds(1500));
}

TEST_F(HttpServerTest, ListensOnSeveralAddresses) {
  auto server = HttpServer::start({{"127.0.0.1", 0}, {"127.0.0.2", 0}}, {},
                                  {[](const HttpRequest&) { return reply_with("x"); }, {}}, log_);
  ASSERT_TRUE(server.ok());
  ASSERT_EQ((*server)->addresses().size(), 2u);
  EXPECT_EQ((*server)->addresses()[1].host, "127.0.0.2");
  EXPECT_EQ(http((*server)->addresses()[0].port, "GET", "/").status, 200);
}

TEST_F(HttpServerTest, APortInUseIsNamed) {
  start([](const HttpRequest&) { return reply_with("x"); });
  const auto second = HttpServer::start({{"127.0.0.1", port()}}, {},
                                        {[](const HttpRequest&) { return HttpReply(); }, {}}, log_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().message(),
            "--web.listen-address: cannot listen on 127.0.0.1:" + std::to_string(port()) +
                ": Address already in use: another program does; choose another port");
}

TEST_F(HttpServerTest, AnAddressOfAnotherMachineIsNamed) {
  const auto server = HttpServer::start({{"192.0.2.1", 0}}, {},
                                        {[](const HttpRequest&) { return HttpReply(); }, {}}, log_);
  ASSERT_FALSE(server.ok());
  EXPECT_THAT(server.error().message(),
              HasSubstr("--web.listen-address: cannot listen on 192.0.2.1:0: Cannot assign"));
}

TEST(HttpRequest, FindsTheParametersOfItsQuery) {
  HttpRequest request;
  request.query = "collect[]=a&x=1&collect%5B%5D=b+c%2Fd&collect[]&&=&collect[]=%zz%4";
  EXPECT_THAT(request.parameter("collect[]"), ElementsAre("a", "b c/d", "", "%zz%4"));
  EXPECT_THAT(request.parameter("x"), ElementsAre("1"));
  EXPECT_THAT(request.parameter("y"), ElementsAre());
  EXPECT_THAT(request.parameter(""), ElementsAre("")) << "\"=\" has a name, \"\" is nothing";
  EXPECT_THAT(HttpRequest{}.parameter("x"), ElementsAre());
}

}  // namespace
}  // namespace memory_exporter
