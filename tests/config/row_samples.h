#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "config/rows.h"

namespace memory_exporter::config {

/// The row of a flag or of a key.
inline const Row& row_named(std::string_view name) {
  const auto all = rows();
  const auto at = std::find_if(all.begin(), all.end(),
                               [&](const Row& row) { return row.flag == name || row.key == name; });
  if (at == all.end()) throw std::out_of_range(std::string(name));
  return *at;
}

/// A value as the command line gives it: a list with one item where the row takes a list.
inline Node given(const Row& row, std::string text) {
  auto value = scalar(std::move(text));
  if (!row.takes_list) return value;
  Node list;
  list.kind = Node::Kind::list;
  list.items = {std::move(value)};
  return list;
}

/// The same as a file does.
inline Node written(const Row& row, std::string text) {
  auto value = given(row, std::move(text));
  value.place = {1, 1};
  return value;
}

/// Settings with nothing but this.
inline Result<Settings> settings_with(std::string_view name, std::string text) {
  Settings settings;
  const auto& row = row_named(name);
  const auto done = assign({&row, given(row, std::move(text))}, settings);
  if (!done) return done.error();
  return settings;
}

/// Values of a row, each in force another than the default. A row whose kind of values is not here
/// has none: a test that goes over all rows says so.
inline std::vector<std::string> samples(const Row& row) {
  std::vector<std::string> found;
  const auto usual = row.text(Settings{});
  for (const auto* text :
       {"true", "false",   "3s",        "4s",        "7",     "8",      "0.25",
        "0.5",  "^a",      "^b",        "/a",        "/b",    "5MiB",   "6MiB",
        ":1",   ":2",      "a.example", "b.example", "name",  "cgroup", "exact",
        "off",  "pagemap", "rollup",    "debug",     "error", "logfmt", "json"}) {
    Settings settings;
    if (!assign({&row, given(row, text)}, settings)) continue;
    if (row.text(settings) != usual) found.emplace_back(text);
  }
  return found;
}

}  // namespace memory_exporter::config
