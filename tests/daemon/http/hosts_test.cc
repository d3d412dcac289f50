#include "daemon/http/hosts.h"

#include <gtest/gtest.h>
#include <sys/utsname.h>

namespace memory_exporter {
namespace {

TEST(Hosts, KnowsAddressesLocalhostAndTheHostName) {
  utsname names{};
  ASSERT_EQ(::uname(&names), 0);
  const std::string own = names.nodename;
  const Hosts hosts;
  for (const auto& host :
       {std::string("127.0.0.1"), std::string("127.0.0.1:10042"), std::string("192.0.2.7:1"),
        std::string("[::1]"), std::string("[2001:db8::7]:10042"), std::string("localhost"),
        std::string("LocalHost:80"), std::string("localhost."), own, own + ":10042", own + "."}) {
    EXPECT_TRUE(hosts.allows(host)) << host;
  }
}

TEST(Hosts, RefusesEveryOtherName) {
  const Hosts hosts;
  for (const auto* host : {"evil.example",
                           "evil.example:10042",
                           "127.0.0.1.evil.example",
                           "localhost.evil.example",
                           "x.localhost",
                           "2130706433",
                           "0x7f.1",
                           "127.1",
                           "127.0.0.1:x",
                           "127.0.0.1:1:2",
                           "[::1",
                           "[127.0.0.1]",
                           "[localhost]",
                           "::1",
                           ":10042",
                           " ",
                           "localhost, evil.example",
                           "[]",
                           "127.0.0.1@evil.example",
                           "evil.example/127.0.0.1"}) {
    EXPECT_FALSE(hosts.allows(host)) << host;
  }
}

TEST(Hosts, AnAddressWithSomethingBehindItsEndIsNone) {
  using namespace std::string_literals;
  EXPECT_FALSE(Hosts().allows("[::1\0]"s));
  EXPECT_FALSE(Hosts().allows("127.0.0.1\0.evil.example"s));
}

TEST(Hosts, LetsThroughWhatNamesNoHost) {
  EXPECT_TRUE(Hosts().allows(""));
}

TEST(Hosts, KnowsWhatTheOperatorAdds) {
  const Hosts hosts({"Node1.example.org", ".metrics.example.org"});
  EXPECT_TRUE(hosts.allows("node1.example.org:10042"));
  EXPECT_TRUE(hosts.allows("NODE1.EXAMPLE.ORG"));
  EXPECT_TRUE(hosts.allows("a.b.metrics.example.org"));
  EXPECT_FALSE(hosts.allows("metrics.example.org"));
  EXPECT_FALSE(hosts.allows(".metrics.example.org"));
  EXPECT_FALSE(hosts.allows("evilmetrics.example.org"));
  EXPECT_FALSE(hosts.allows("x.node1.example.org"));
  EXPECT_FALSE(hosts.allows("evil.example, a.metrics.example.org")) << "two Host headers";
  EXPECT_FALSE(hosts.allows("evil.example/a.metrics.example.org"));
  EXPECT_TRUE(Hosts({"*"}).allows("any.example"));
}

}  // namespace
}  // namespace memory_exporter
