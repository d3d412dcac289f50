// docs/flags.md against the program's flags and the keys of its configuration file.
#include "daemon/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "config/config_file.h"
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

TEST(FlagsPage, HasEveryFlagAndNoOther) {
  std::set<std::string> names;
  for (const auto& flag : flags()) names.insert(flag.name);
  expect_same(names_of(read_flags_page().flags), names);
}

TEST(FlagsPage, HasEveryKeyOfTheConfigurationFileAndNoOther) {
  const auto keys = config::keys();
  expect_same(names_of(read_flags_page().keys), {keys.begin(), keys.end()});
}

TEST(FlagsPage, HasTheDefaultOfEveryFlagThatHasOne) {
  const auto page = read_flags_page();
  for (const auto& flag : flags()) {
    if (flag.default_value.empty()) continue;
    const auto row = page.flags.find(flag.name);
    ASSERT_NE(row, page.flags.end()) << flag.name;
    EXPECT_EQ(row->second, '`' + flag.default_value + '`') << flag.name;
  }
}

}  // namespace
}  // namespace memory_exporter
