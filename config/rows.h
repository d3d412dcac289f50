#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/base/result.h"
#include "config/settings.h"
#include "config/yaml.h"

namespace memory_exporter::config {

/// One setting: a flag, a key of the file, or both. The command line, --help, the file and the
/// documentation's test are all made from these.
struct Row {
  std::string_view group;   ///< its heading in --help
  std::string flag;         ///< with its dashes; empty: the command line has none
  std::string key;          ///< behind its block's name and a dot; empty: the file has none
  std::string placeholder;  ///< of its value; empty: a switch, `true` or `false` in the file
  std::string help = {};
  /// Reads a value, of the right kind, into the settings; what it refuses changes nothing. The
  /// error says what would be accepted, and has a place where that is not the value's own.
  std::function<Status(Settings&, const Node& value)> set = {};
  /// The value in force, as it would be written; empty where there is none.
  std::function<std::string(const Settings&)> text = {};
  bool takes_list = false;  ///< its value is a list, in brackets or of a flag that is repeated
};

/// Every setting there is, in the order of --help. A new one is a field and a row.
std::span<const Row> rows();

/// The default, as --help and the documentation have it; empty where there is none, and of a flag
/// without a value.
std::string default_of(const Row& row);

/// One value that was given, and where: a flag's has no place.
struct Assignment {
  const Row* row;
  Node value;
};
using Assignments = std::vector<Assignment>;

/// The error names the flag, or the key with its line and column.
Status assign(const Assignment& assignment, Settings& settings);

/// The one order there is: the defaults, then what the file says, then what the flags say.
Result<Settings> settings_from(const Assignments& file, const Assignments& flags);

/// What a flag says: a value without a place.
Node scalar(std::string text);

/// "a, b and c".
std::string enumerated(std::span<const std::string_view> words, std::string_view last = "and");

/// "a block of keys".
std::string_view name_of(Node::Kind kind);

}  // namespace memory_exporter::config
