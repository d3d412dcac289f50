// A command line, an argument a line, against a slow reading of it.
#include "daemon/flags.h"

#include <map>
#include <string>
#include <vector>

#include "collectors/base/text.h"
#include "tests/fuzz/shown.h"

using namespace memory_exporter;

namespace {

using Arguments = std::vector<std::string>;

/// Which flag got which values; nothing where the line is wrong. `--flag=value`, `--flag value`
/// for those that take one, `--flag` for those that do not.
std::optional<std::map<std::string, Arguments>> given_in(const Arguments& arguments) {
  std::map<std::string, Arguments> given;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& argument = arguments[i];
    const auto equals = argument.find('=');
    auto name = argument.substr(0, equals);
    if (argument == "-h") name = "--help";
    const config::Row* flag = nullptr;
    for (const auto& known : config::rows()) {
      if (known.flag == name) flag = &known;
    }
    if (flag == nullptr || name.empty()) return std::nullopt;
    std::string value;
    if (flag->placeholder.empty()) {
      if (equals != std::string::npos) return std::nullopt;
    } else if (equals != std::string::npos) {
      value = argument.substr(equals + 1);
    } else if (++i < arguments.size()) {
      value = arguments[i];
    } else {
      return std::nullopt;
    }
    given[name].push_back(value);
  }
  return given;
}

std::optional<config::Settings> slowly_parsed(const Arguments& arguments) {
  const auto given = given_in(arguments);
  if (!given) return std::nullopt;
  config::Settings settings;
  for (const auto& row : config::rows()) {
    const auto values = given->find(row.flag);
    if (row.flag.empty() || values == given->end()) continue;
    if (values->second.size() > 1 && !row.takes_list) return std::nullopt;
    if (row.flag.starts_with("--no-") && given->contains("--" + row.flag.substr(5))) {
      return std::nullopt;
    }
    auto value = config::scalar(row.placeholder.empty() ? "true" : values->second.front());
    if (row.takes_list) {
      value = {};
      value.kind = config::Node::Kind::list;
      for (const auto& text : values->second) value.items.push_back(config::scalar(text));
    }
    if (!config::assign({&row, value}, settings)) return std::nullopt;
  }
  if (settings.config_check && settings.config_file.empty()) return std::nullopt;
  return settings;
}

/// CLI11's word for "no flag follows", and letters behind one dash, of which there is but -h.
bool is_a_matter_of_taste(const Arguments& arguments) {
  for (const auto& argument : arguments) {
    if (argument == "--" || (argument.size() > 2 && argument.starts_with("-h"))) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = fuzz::as_text(data, size);
  Arguments arguments;
  while (!text.empty() && arguments.size() < 50) arguments.emplace_back(take_line(text));
  const auto options = parse_flags(arguments);
  if (!options) {
    const auto message = options.error().message();
    fuzz::require_shown(message);
    fuzz::require(!message.empty() && message.size() <= 1000, "a message has a bound");
  }
  if (is_a_matter_of_taste(arguments)) return 0;
  const auto slowly = slowly_parsed(arguments);
  fuzz::require(options.ok() == slowly.has_value(), "a slow reading accepts the same");
  if (options)
    fuzz::require(*config::settings_from({}, *options) == *slowly, "a slow reading sets the same");
  return 0;
}
