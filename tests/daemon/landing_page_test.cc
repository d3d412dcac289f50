#include "daemon/view/landing_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace memory_exporter {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

process::Group group(std::string name, std::optional<std::uint64_t> pss_mib,
                     std::uint64_t resident_mib) {
  process::Group made;
  made.key = {std::move(name), "/app.slice"};
  made.totals.processes = 2;
  if (pss_mib) made.totals.memory.pss = Bytes{*pss_mib * 1024 * 1024};
  made.totals.status.resident = Bytes{resident_mib * 1024 * 1024};
  return made;
}

process::Snapshot snapshot_of(std::vector<process::Group> groups) {
  process::Snapshot snapshot;
  snapshot.group_by = process::default_group_by();
  snapshot.groups = std::move(groups);
  return snapshot;
}

std::string page_of(const process::Snapshot* snapshot) {
  return landing_page_html({"1.2.3", "/metrics", {"process", "swap"}, snapshot});
}

TEST(LandingPage, ShowsVersionLinksAndCollectors) {
  const auto page = page_of(nullptr);
  EXPECT_THAT(page, HasSubstr("Version 1.2.3"));
  EXPECT_THAT(page, HasSubstr("<a href=\"/metrics\">"));
  EXPECT_THAT(page, HasSubstr("<a href=\"/-/healthy\">"));
  EXPECT_THAT(page, HasSubstr("<a href=\"/-/ready\">"));
  EXPECT_THAT(page, HasSubstr("Collectors: process, swap."));
  EXPECT_THAT(page, Not(HasSubstr("<table")));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(landing_page_html({"1", "/", {}, nullptr}), HasSubstr("Collectors: none."));
}

TEST(LandingPage, ShowsTheLargestGroupsFirst) {
  const auto snapshot = snapshot_of(
      {group("small", 1, 900), group("large", 2048, 1), group("unmeasured", std::nullopt, 100)});
  const auto page = page_of(&snapshot);
  const auto large = page.find(
      "<td>large</td><td>/app.slice</td><td class=\"n\">2</td>"
      "<td class=\"n\">2.0 GiB</td>");
  const auto unmeasured = page.find("<td>unmeasured</td>");
  const auto small = page.find("<td>small</td>");
  ASSERT_NE(large, std::string::npos) << page;
  EXPECT_LT(large, unmeasured);
  EXPECT_LT(unmeasured, small);
  EXPECT_THAT(page, HasSubstr("The 3 largest of 3"));
}

TEST(LandingPage, DoesNotPretendToKnow) {
  const auto snapshot = snapshot_of({group("unmeasured", std::nullopt, 100)});
  EXPECT_THAT(page_of(&snapshot), HasSubstr("<td class=\"n\">2</td><td class=\"n\">–</td>"
                                            "<td class=\"n\">–</td><td class=\"n\">100.0 MiB</td>"
                                            "<td class=\"n\">–</td>"));
}

TEST(LandingPage, StaysSmall) {
  std::vector<process::Group> groups;
  for (unsigned i = 0; i < 1000; ++i) groups.push_back(group("g" + std::to_string(i), i, i));
  const auto snapshot = snapshot_of(std::move(groups));
  const auto page = page_of(&snapshot);
  EXPECT_THAT(page, HasSubstr("The 20 largest of 1000"));
  EXPECT_THAT(page, HasSubstr("<td>g999</td>"));
  EXPECT_THAT(page, HasSubstr("<td>g980</td>"));
  EXPECT_THAT(page, Not(HasSubstr("<td>g979</td>")));
  EXPECT_LT(page.size(), 8000u);
}

TEST(LandingPage, EscapesWhateverAProcessCallsItself) {
  const auto snapshot =
      snapshot_of({group("<script>alert('x')</script>&\"", 1, 1), group("\xff\n\x01z", 1, 1)});
  const auto page = page_of(&snapshot);
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  EXPECT_THAT(page,
              HasSubstr("<td>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;&quot;</td>"));
  EXPECT_THAT(page, HasSubstr("<td>\xEF\xBF\xBD\\u000a\\u0001z</td>"));
}

TEST(LandingPage, WritesOutWhatWouldTurnOrHideTheTextAroundIt) {
  const auto snapshot = snapshot_of({group("a\u202Eb\x1b[31mc\u200B\u2066", 1, 1)});
  const auto page = page_of(&snapshot);
  EXPECT_THAT(page, HasSubstr("<td>a\\u202eb\\u001b[31mc\\u200b\\u2066</td>"));
}

}  // namespace
}  // namespace memory_exporter
