#include "config/config_file.h"

#include <fcntl.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <system_error>

#include "collectors/procfs/reader.h"
#include "collectors/registry.h"
#include "config/suggest.h"

namespace memory_exporter::config {
namespace {

/// Far above any real configuration: a device or a log given by mistake is refused, not read.
constexpr std::size_t largest_file = 1024 * 1024;

/// A mistake at a place in the file, on its way from the inner functions to parse_file(). yaml-cpp
/// reports its own mistakes the same way.
struct Mistake {
  Error error;
};

[[noreturn]] void fail(const YAML::Mark& mark, std::string what) {
  throw Mistake{malformed(std::move(what), mark.is_null() ? 0 : mark.line + 1)};
}

std::string_view kind_of(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return "a single value";
    case YAML::NodeType::Sequence:
      return "a list";
    case YAML::NodeType::Map:
      return "a block of keys";
    default:
      return "empty";
  }
}

std::string key_of(std::string_view parent, std::string_view key) {
  return parent.empty() ? std::string(key) : std::string(parent) + '.' + std::string(key);
}

std::string scalar(const YAML::Node& node, const std::string& key) {
  if (!node.IsScalar()) {
    fail(node.Mark(), key + ": is " + std::string(kind_of(node)) + ", must be a single value");
  }
  return node.Scalar();
}

/// One `key: value` of a block, and where it stands: an empty value stands nowhere itself.
struct Entry {
  const YAML::Node& value;
  YAML::Mark mark;

  std::string scalar(const std::string& key) const {
    if (value.IsNull()) fail(mark, key + ": has no value");
    return config::scalar(value, key);
  }
};

/// Calls `visit(key, entry)` for every entry of a block, which may be empty. Unknown keys and keys
/// given twice are mistakes; `parent` is the block's own name, for the errors.
template <typename Visit>
void for_each_key(const YAML::Node& block, std::string_view parent,
                  std::span<const std::string_view> known, Visit&& visit) {
  if (!block.IsDefined() || block.IsNull()) return;
  if (!block.IsMap()) {
    const auto name = parent.empty() ? std::string("the file") : std::string(parent) + ":";
    fail(block.Mark(), name + " is " + std::string(kind_of(block)) + ", must be a block of keys");
  }
  std::set<std::string> seen;
  for (const auto& entry : block) {
    if (!entry.first.IsScalar()) fail(entry.first.Mark(), "a key must be a single word");
    const std::string& key = entry.first.Scalar();
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      fail(entry.first.Mark(), key_of(parent, key) + ": unknown key" + did_you_mean(key, known));
    }
    if (!seen.insert(key).second) {
      fail(entry.first.Mark(), key_of(parent, key) + ": is given twice");
    }
    visit(key, Entry{entry.second, entry.first.Mark()});
  }
}

std::vector<process::Dimension> group_by(const Entry& entry) {
  static constexpr std::array<std::string_view, 2> known = {"name", "cgroup"};
  const auto& node = entry.value;
  if (!node.IsSequence() || node.size() == 0) {
    fail(entry.mark, "group_by: must be a list of dimensions, as [name, cgroup]");
  }
  std::vector<process::Dimension> dimensions;
  for (const auto& item : node) {
    const auto name = scalar(item, "group_by");
    const auto dimension = process::dimension_from(name);
    if (!dimension) {
      fail(item.Mark(), "group_by: \"" + name + "\" is no dimension" + did_you_mean(name, known) +
                            ": there are name and cgroup");
    }
    if (std::find(dimensions.begin(), dimensions.end(), *dimension) != dimensions.end()) {
      fail(item.Mark(), "group_by: \"" + name + "\" is given twice");
    }
    dimensions.push_back(*dimension);
  }
  return dimensions;
}

bool on_or_off(const Entry& entry, const std::string& key) {
  const auto text = entry.scalar(key);
  if (text == "true") return true;
  if (text == "false") return false;
  fail(entry.mark, key + ": \"" + text + "\" is neither true nor false");
}

/// Reads an entry into its setting of a table.
template <typename Setting, typename Target>
void apply(const Setting& setting, const Entry& entry, const std::string& key, Target& target) {
  if (const auto done = setting.set(target, entry.scalar(key)); !done) {
    fail(entry.mark, key + ": " + done.error().what);
  }
}

void read_collectors(const YAML::Node& block, CollectorSettings& settings) {
  std::vector<std::string_view> keys;
  for (const auto& entry : collector_table()) keys.push_back(entry.name);
  for (const auto& setting : collector_settings()) keys.push_back(setting.name);
  for_each_key(block, "collectors", keys, [&](const std::string& key, const Entry& entry) {
    const auto name = "collectors." + key;
    for (const auto& setting : collector_settings()) {
      if (setting.name == key) return apply(setting, entry, name, settings);
    }
    settings.on[key] = on_or_off(entry, name);
  });
}

void read_pss(const YAML::Node& block, Settings& settings) {
  std::vector<std::string_view> keys;
  for (const auto& setting : pss_settings()) keys.push_back(setting.key);
  for_each_key(block, "pss", keys, [&](const std::string& key, const Entry& entry) {
    for (const auto& setting : pss_settings()) {
      if (setting.key == key) apply(setting, entry, "pss." + key, settings);
    }
  });
}

constexpr std::array<std::string_view, 3> top_level_keys = {"group_by", "collectors", "pss"};

Settings read_settings(const YAML::Node& root) {
  Settings settings;
  for_each_key(root, "", top_level_keys, [&](const std::string& key, const Entry& entry) {
    if (key == "group_by") settings.group_by = group_by(entry);
    if (key == "collectors") read_collectors(entry.value, settings.collectors);
    if (key == "pss") read_pss(entry.value, settings);
  });
  return settings;
}

Result<std::string> read_text(const std::string& path) {
  const auto failure = [&](int error_number) {
    return Error{ErrorKind::io, "cannot be read: " + std::generic_category().message(error_number),
                 path};
  };
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return failure(errno);
  std::string text;
  std::array<char, 4096> block;
  while (true) {
    const auto got = ::read(file.get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(errno);
    if (got == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(got));
    if (text.size() > largest_file) {
      return Error{ErrorKind::malformed, "is larger than 1 MiB: not a configuration file", path};
    }
  }
}

/// yaml-cpp takes some control characters for the end of the text and says nothing of the rest.
void refuse_control_characters(std::string_view text) {
  int line = 0;
  for (const char c : text) {
    if (c == '\n') ++line;
    if (static_cast<unsigned char>(c) >= ' ' || c == '\n' || c == '\t' || c == '\r') continue;
    throw Mistake{malformed("not valid YAML: a control character", line + 1)};
  }
}

}  // namespace

Result<Settings> parse_file(std::string_view text, const std::string& path) {
  try {
    refuse_control_characters(text);
    const auto documents = YAML::LoadAll(std::string(text));
    if (documents.empty()) return Settings{};
    if (documents.size() > 1) {
      fail(documents[1].Mark(), "a second document starts here, and only one is read");
    }
    return read_settings(documents.front());
  } catch (const Mistake& mistake) {
    return in_file(mistake.error, path);
  } catch (const YAML::Exception& failed) {
    const int line = failed.mark.is_null() ? 0 : failed.mark.line + 1;
    return in_file(malformed("not valid YAML: " + failed.msg, line), path);
  }
}

Result<Settings> load_file(const std::string& path) {
  auto text = read_text(path);
  if (!text) return text.error();
  return parse_file(*text, path);
}

std::vector<std::string> keys() {
  std::vector<std::string> all;
  for (const auto key : top_level_keys) {
    if (key == "collectors") {
      for (const auto& entry : collector_table()) all.push_back(key_of(key, entry.name));
      for (const auto& setting : collector_settings()) all.push_back(key_of(key, setting.name));
    } else if (key == "pss") {
      for (const auto& setting : pss_settings()) all.push_back(key_of(key, setting.key));
    } else {
      all.emplace_back(key);
    }
  }
  return all;
}

}  // namespace memory_exporter::config
