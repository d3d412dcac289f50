#include "daemon/flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <utility>

#include "collectors/base/printable.h"
#include "config/suggest.h"

namespace memory_exporter {
namespace {

using config::Row;

const Row* find_flag(std::string_view name) {
  const auto all = config::rows();
  const auto at =
      std::find_if(all.begin(), all.end(), [&](const Row& row) { return row.flag == name; });
  return at == all.end() ? nullptr : &*at;
}

/// What CLI11 leaves over: a flag that does not exist, or a word that belongs to none.
Error left_over(const std::string& word) {
  if (!word.starts_with('-')) {
    return malformed(in_quotes(word) + ": no flag takes this: write --flag=value");
  }
  const auto name = word.substr(0, word.find('='));
  std::vector<std::string_view> names;
  for (const auto& row : config::rows()) {
    if (!row.flag.empty()) names.push_back(row.flag);
  }
  return malformed(printable(name, 80) + ": unknown flag" + config::did_you_mean(name, names) +
                   "; --help lists them all");
}

/// CLI11's own complaints are about how many values follow a flag; its text starts with the name,
/// which has no dashes where a value was given to a flag that takes none.
Error wrong_count(std::string_view complaint) {
  std::string name(complaint.substr(0, complaint.find_first_of(" :\n")));
  if (!name.starts_with("--")) name.insert(0, "--");
  const auto* row = find_flag(name);
  if (row == nullptr) return malformed(printable(complaint));
  if (row->placeholder.empty()) return malformed(row->flag + ": takes no value");
  return malformed(row->flag + ": needs a value: write " + row->flag + '=' + row->placeholder);
}

/// As indented lines of at most 80 columns.
void append_wrapped(std::string& out, std::string_view text) {
  constexpr std::string_view indent = "      ";
  constexpr std::size_t columns = 80 - indent.size();
  while (!text.empty()) {
    auto line = text;
    if (text.size() > columns) line = text.substr(0, text.rfind(' ', columns));
    out.append(indent).append(line) += '\n';
    text.remove_prefix(std::min(line.size() + 1, text.size()));
  }
}

/// Which values follow which flag, an empty one for each time that one without values is given.
using Given = std::map<std::string, std::vector<std::string>>;

Result<Given> given_in(const std::vector<std::string>& arguments) {
  Given given;
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  for (const auto& row : config::rows()) {
    if (row.flag.empty()) continue;
    // -h is so common that it would be unkind not to know it.
    const auto names = row.flag == "--help" ? "-h,--help" : row.flag;
    if (row.placeholder.empty()) {
      const auto keep_count = [&given, &row](std::int64_t count) {
        given[row.flag].resize(static_cast<std::size_t>(count));
      };
      app.add_flag_function(names, keep_count)->disable_flag_override();
    } else {
      const auto keep = [&given, &row](const std::vector<std::string>& values) {
        given[row.flag] = values;
        return true;
      };
      app.add_option(names, keep, "")
          ->expected(1)
          ->allow_extra_args(false)
          ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    }
  }
  try {
    // CLI11 takes a vector from its back.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& complaint) {
    return wrong_count(complaint.what());
  }
  if (const auto extras = app.remaining(); !extras.empty()) return left_over(extras.front());
  return given;
}

config::Node value_of(const Row& row, const std::vector<std::string>& values) {
  if (row.placeholder.empty()) return config::scalar("true");
  if (!row.takes_list) return config::scalar(values.front());
  config::Node list;
  list.kind = config::Node::Kind::list;
  for (const auto& value : values) list.items.push_back(config::scalar(value));
  return list;
}

}  // namespace

Result<config::Assignments> parse_flags(const std::vector<std::string>& arguments) {
  const auto given = given_in(arguments);
  if (!given) return given.error();
  config::Settings tried;
  config::Assignments found;
  for (const auto& row : config::rows()) {
    const auto values = given->find(row.flag);
    if (values == given->end()) continue;
    if (values->second.size() > 1 && !row.takes_list) {
      return malformed(row.flag + ": is given more than once");
    }
    const std::string_view no = "--no-";
    if (row.flag.starts_with(no)) {
      const auto yes = "--" + row.flag.substr(no.size());
      if (given->contains(yes)) {
        return malformed(row.flag + ": contradicts " + yes + ": give one of the two");
      }
    }
    found.push_back({&row, value_of(row, values->second)});
    if (const auto done = config::assign(found.back(), tried); !done) return done.error();
  }
  if (tried.config_check && tried.config_file.empty()) {
    return malformed("--config.check: needs --config.file=PATH");
  }
  return found;
}

std::string help_text() {
  std::string text =
      "memory_exporter: who uses this machine's memory, and what kind of memory is it?\n"
      "\n"
      "Usage: memory_exporter [--flag=value]...\n";
  std::string_view group;
  for (const auto& row : config::rows()) {
    if (row.flag.empty()) continue;
    if (row.group != group) {
      group = row.group;
      text.append("\n").append(group).append(":\n");
    }
    text.append("  ").append(row.flag);
    if (!row.placeholder.empty()) text.append("=").append(row.placeholder);
    text += '\n';
    auto help = row.help;
    const auto value = config::default_of(row);
    if (!value.empty()) help.append(" (default ").append(value) += ')';
    append_wrapped(text, help);
  }
  text +=
      "\n"
      "Durations are written as 500ms, 60s or 1m30s, ratios as 0.05 or 5%.\n"
      "Exit codes: 0 fine, 1 could not start or run, 2 wrong flag or configuration.\n";
  return text;
}

}  // namespace memory_exporter
