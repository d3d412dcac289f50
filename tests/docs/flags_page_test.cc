// docs/flags.md against the program's flags and the keys of its configuration file.
#include "config/rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "tests/docs/tables.h"

namespace memory_exporter {
namespace {

using ::testing::IsEmpty;

constexpr std::string_view key_section = "Configuration file";

struct Page {
  std::map<std::string, std::string> flags;  ///< each one's default, as its row has it
  std::map<std::string, std::string> keys;
};

Page read_flags_page() {
  const auto sections = docs::read_page("flags.md");
  if (!sections) ADD_FAILURE() << sections.error().message();
  Page page;
  if (!sections) return page;
  for (const auto& [section, rows] : *sections) {
    auto& names = section == key_section ? page.keys : page.flags;
    for (const auto& row : rows) {
      for (const auto& name : row.names) names[name.substr(0, name.find('='))] = row.cells.at(1);
    }
  }
  return page;
}

/// The page's rows against what the program has.
void expect_same(const std::set<std::string>& rows, const std::set<std::string>& names) {
  EXPECT_THAT(docs::without(names, rows), IsEmpty()) << "not in docs/flags.md";
  EXPECT_THAT(docs::without(rows, names), IsEmpty()) << "in docs/flags.md, but gone";
}

std::set<std::string> names_of(const std::map<std::string, std::string>& rows) {
  std::set<std::string> names;
  for (const auto& [name, cell] : rows) names.insert(name);
  return names;
}

TEST(FlagsPage, HasEveryFlagAndEveryKeyAndNoOther) {
  std::set<std::string> flags;
  std::set<std::string> keys;
  for (const auto& row : config::rows()) {
    if (!row.flag.empty()) flags.insert(row.flag);
    if (!row.key.empty()) keys.insert(row.key);
  }
  const auto page = read_flags_page();
  expect_same(names_of(page.flags), flags);
  expect_same(names_of(page.keys), keys);
}

TEST(FlagsPage, HasTheDefaultOfEveryFlagThatHasOneAndOfEveryKey) {
  const auto page = read_flags_page();
  for (const auto& row : config::rows()) {
    if (const auto value = config::default_of(row); !row.flag.empty() && !value.empty()) {
      const auto at = page.flags.find(row.flag);
      ASSERT_NE(at, page.flags.end()) << row.flag;
      EXPECT_EQ(at->second, '`' + value + '`') << row.flag;
    }
    if (row.key.empty()) continue;
    const auto value = row.text(config::Settings{});
    const auto at = page.keys.find(row.key);
    ASSERT_NE(at, page.keys.end()) << row.key;
    EXPECT_EQ(at->second, value.empty() ? "`\"\"`" : '`' + value + '`') << row.key;
  }
}

}  // namespace
}  // namespace memory_exporter
