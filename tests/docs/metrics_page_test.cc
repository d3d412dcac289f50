// docs/metrics.md against the table of collectors and the exporter's own families: each stands in
// its section, and what stands there exists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "collectors/registry.h"
#include "daemon/self_metrics.h"
#include "tests/docs/tables.h"

namespace memory_exporter {
namespace {

using ::testing::IsEmpty;
using Names = std::set<std::string>;

std::map<std::string, Names> documented() {
  const auto sections = docs::read_page("metrics.md");
  if (!sections) ADD_FAILURE() << sections.error().message();
  std::map<std::string, Names> names;
  if (!sections) return names;
  for (const auto& [section, rows] : *sections) {
    for (const auto& row : rows) names[section].insert(row.names.begin(), row.names.end());
  }
  return names;
}

Names names_of(std::span<const Family> families) {
  Names names;
  for (const auto& family : families) names.emplace(family.name);
  return names;
}

/// By section of the page, which is the collector's name.
std::map<std::string, Names> existing() {
  const Trees trees{procfs::Tree::absent("/proc"), procfs::Tree::absent("/sys"),
                    procfs::Tree::absent("/")};
  std::map<std::string, Names> families{{"exporter", names_of(self_families())}};
  for (const auto& entry : collector_table()) {
    families[std::string(entry.name)] = names_of(entry.make(trees, CollectorOptions{})->families());
  }
  return families;
}

TEST(MetricsPage, HasEveryFamilyInItsCollectorsSectionAndNoOther) {
  const auto pages = documented();
  for (const auto& [section, families] : existing()) {
    const auto names = pages.contains(section) ? pages.at(section) : Names{};
    const auto where = "docs/metrics.md, section \"## " + section + '"';
    EXPECT_THAT(docs::without(families, names), IsEmpty()) << "not in " << where;
    EXPECT_THAT(docs::without(names, families), IsEmpty()) << "gone, but in " << where;
  }
}

TEST(MetricsPage, HasNoSectionOfMetricsWithoutACollector) {
  const auto families = existing();
  for (const auto& [section, names] : documented()) {
    EXPECT_TRUE(families.contains(section)) << section;
  }
}

}  // namespace
}  // namespace memory_exporter
