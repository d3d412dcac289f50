// docs/metrics.md against the table of collectors: each family stands in its collector's section,
// and what stands there exists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "collectors/registry.h"

namespace memory_exporter {
namespace {

using ::testing::IsEmpty;
using Names = std::set<std::string>;

/// The metrics that a page documents, by section: a section starts with "## NAME", and a metric is
/// the first cell of a table's row, in backticks.
std::map<std::string, Names> documented_metrics(std::istream& page) {
  static const std::regex row("^\\| `([a-z_0-9:]+)`.*");
  std::map<std::string, Names> sections;
  std::string section;
  std::smatch match;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) {
      section = line.substr(3);
    } else if (std::regex_match(line, match, row)) {
      sections[section].insert(match[1]);
    }
  }
  return sections;
}

std::map<std::string, Names> documented_metrics() {
  std::ifstream page(MEMORY_EXPORTER_SOURCE_DIR "/docs/metrics.md");
  EXPECT_TRUE(page.is_open()) << "docs/metrics.md is missing";
  return documented_metrics(page);
}

Names families_of(const CollectorEntry& entry) {
  const Trees trees{procfs::Tree::absent("/proc"), procfs::Tree::absent("/sys"),
                    procfs::Tree::absent("/")};
  const auto collector = entry.make(trees, CollectorOptions{});
  Names names;
  for (const auto& family : collector->families()) names.emplace(family.name);
  return names;
}

Names missing_from(const Names& wanted, const Names& there) {
  Names missing;
  for (const auto& name : wanted) {
    if (!there.contains(name)) missing.insert(name);
  }
  return missing;
}

TEST(MetricsPage, DocumentsEveryFamilyOfEveryCollectorInItsSection) {
  const auto sections = documented_metrics();
  for (const auto& entry : collector_table()) {
    const auto section = sections.find(std::string(entry.name));
    const auto& documented = section == sections.end() ? Names{} : section->second;
    EXPECT_THAT(missing_from(families_of(entry), documented), IsEmpty())
        << "not in the section \"## " << entry.name << "\" of docs/metrics.md";
  }
}

TEST(MetricsPage, DocumentsNoFamilyThatTheCollectorDoesNotHave) {
  const auto sections = documented_metrics();
  for (const auto& entry : collector_table()) {
    const auto section = sections.find(std::string(entry.name));
    if (section == sections.end()) continue;
    EXPECT_THAT(missing_from(section->second, families_of(entry)), IsEmpty())
        << "in docs/metrics.md, but collector " << entry.name << " has no such family";
  }
}

TEST(MetricsPage, HasNoSectionOfMetricsWithoutACollector) {
  Names known = {"exporter"};  // the exporter's own metrics: tests/live holds them against a scrape
  for (const auto& entry : collector_table()) known.emplace(entry.name);
  Names sections;
  for (const auto& [section, names] : documented_metrics()) sections.insert(section);
  EXPECT_THAT(missing_from(sections, known), IsEmpty());
}

TEST(DocumentedMetrics, ReadsTheFirstCellOfRowsBySection) {
  std::istringstream page(
      "# Metrics\n\n## swap\n\n| metric | labels |\n|---|---|\n| `memory_swap_bytes` | `device` |\n"
      "\nnot a row: `memory_other_bytes`\n\n## ksm\n| `memory_ksm_pages` | |\n");
  const auto sections = documented_metrics(page);
  ASSERT_EQ(sections.size(), 2u);
  EXPECT_EQ(sections.at("swap"), Names{"memory_swap_bytes"});
  EXPECT_EQ(sections.at("ksm"), Names{"memory_ksm_pages"});
}

}  // namespace
}  // namespace memory_exporter
