#include "daemon/http/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace memory_exporter {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Pair;

class RouterTest : public ::testing::Test {
 protected:
  HttpReply ask(const std::string& method, const std::string& path,
                std::vector<std::pair<std::string, std::string>> headers = {}) const {
    HttpRequest request;
    request.method = method;
    request.path = path;
    request.headers = std::move(headers);
    return router_.answer(request);
  }

  const Router router_{
      {{"/a",
        {"GET", "HEAD"},
        Endpoint::Names::any,
        [](const HttpRequest&) { return plain_reply(200, "a"); }},
       {"/b",
        {"POST"},
        Endpoint::Names::known,
        [](const HttpRequest& request) { return plain_reply(200, request.header("Host")); }},
       {"/a",
        {"GET"},
        Endpoint::Names::any,
        [](const HttpRequest&) { return plain_reply(200, "second"); }}},
      Hosts({"here.example"})};
};

TEST_F(RouterTest, FindsTheFirstRowOfAPath) {
  EXPECT_EQ(*ask("GET", "/a").body, "a\n");
  EXPECT_EQ(ask("GET", "/").status, 404);
  EXPECT_EQ(ask("GET", "/a/").status, 404);
}

TEST_F(RouterTest, SaysWhichMethodsThereAre) {
  const auto reply = ask("DELETE", "/a");
  EXPECT_EQ(reply.status, 405);
  EXPECT_THAT(reply.headers, Contains(Pair("Allow", "GET, HEAD")));
  EXPECT_EQ(*reply.body, "only GET, HEAD here\n");
}

TEST_F(RouterTest, AsksForAKnownNameWhereTheRowDoes) {
  EXPECT_EQ(ask("GET", "/a", {{"Host", "evil.example"}}).status, 200);
  EXPECT_EQ(ask("POST", "/b", {{"Host", "here.example:10042"}}).status, 200);
  EXPECT_EQ(ask("POST", "/b", {{"Host", "127.0.0.1"}}).status, 200);
  EXPECT_EQ(ask("POST", "/b").status, 200);  // HTTP/1.0: no browser
  const auto refused = ask("POST", "/b", {{"Host", "evil.example"}});
  EXPECT_EQ(refused.status, 421);
  EXPECT_THAT(*refused.body, HasSubstr("--web.allowed-hosts=NAME\n"));
  EXPECT_EQ(ask("POST", "/b", {{"Host", "127.0.0.1"}, {"Host", "evil.example"}}).status, 421);
  EXPECT_EQ(ask("GET", "/b", {{"Host", "evil.example"}}).status, 405);
}

TEST_F(RouterTest, RefusesWhatAPageOfAnotherSiteSends) {
  const auto from = [&](const std::string& origin) {
    return ask("POST", "/b", {{"Host", "here.example:10042"}, {"Origin", origin}}).status;
  };
  EXPECT_EQ(from("http://here.example:10042"), 200);
  EXPECT_EQ(from("https://HERE.example"), 200);
  EXPECT_EQ(from("http://evil.example"), 403);
  EXPECT_EQ(from("http://here.example.evil.example"), 403);
  EXPECT_EQ(from("null"), 403);
  EXPECT_EQ(from("http://"), 403);
  EXPECT_EQ(ask("POST", "/b", {{"Origin", "http://"}}).status, 403)
      << "no name is not the same name";
}

}  // namespace
}  // namespace memory_exporter
