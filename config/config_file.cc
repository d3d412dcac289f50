#include "config/config_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <set>
#include <system_error>

#include "collectors/base/file_descriptor.h"
#include "collectors/base/printable.h"
#include "collectors/registry.h"
#include "config/suggest.h"
#include "config/yaml.h"

namespace memory_exporter::config {
namespace {

/// Far above any real configuration: a device or a log given by mistake is refused, not read.
constexpr std::size_t largest_file = 1024 * 1024;

/// A mistake at a place in the file, on its way from the inner functions to parse_file().
struct Mistake {
  Error error;
};

[[noreturn]] void fail(Place place, std::string what) {
  throw Mistake{malformed(std::move(what), place.line, place.column)};
}

std::string_view kind_of(const Node& node) {
  switch (node.kind) {
    case Node::Kind::scalar:
      return "a single value";
    case Node::Kind::list:
      return "a list";
    case Node::Kind::block:
      return "a block of keys";
    case Node::Kind::empty:
      break;
  }
  return "empty";
}

/// "a, b and c".
std::string enumerated(std::span<const std::string_view> words, std::string_view last = "and") {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? ' ' + std::string(last) + ' ' : std::string(", ");
    text += words[i];
  }
  return text;
}

/// What to write in place of a word that is none of those there are.
std::string instead(std::string_view word, std::span<const std::string_view> known) {
  const auto guess = did_you_mean(word, known);
  return guess.empty() ? ": there are " + enumerated(known) : guess;
}

/// The value of a key, `as` which it may be written.
const std::string& scalar(const Node& node, const std::string& key, std::string_view as) {
  if (node.kind != Node::Kind::scalar) {
    fail(node.place, key + ": is " + std::string(kind_of(node)) +
                         ", must be a single value: " + std::string(as));
  }
  return node.text;
}

/// One `key: value` of a block. An empty value stands nowhere itself: then it is the key's place.
struct Entry {
  const Node& value;
  Place place;

  const std::string& scalar(const std::string& key, std::string_view as) const {
    if (value.kind == Node::Kind::empty) {
      fail(place, key + ": has no value, must have one: " + std::string(as));
    }
    return config::scalar(value, key, as);
  }
};

/// Calls `visit(key, entry)` for every entry of a block, which may be empty. Unknown keys and keys
/// given twice are mistakes; `parent` is the block's own name, for the errors.
template <typename Visit>
void for_each_key(const Node& block, std::string_view parent,
                  std::span<const std::string_view> known, Visit&& visit) {
  if (block.kind == Node::Kind::empty) return;
  if (block.kind != Node::Kind::block) {
    const auto name = parent.empty() ? std::string("the file") : std::string(parent) + ":";
    fail(block.place, name + " is " + std::string(kind_of(block)) +
                          ", must be a block of keys: there are " + enumerated(known));
  }
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < block.keys.size(); ++i) {
    const auto& name = block.keys[i];
    const auto& value = block.items[i];
    if (name.kind != Node::Kind::scalar) fail(name.place, "a key must be a single word");
    const auto& key = name.text;
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      fail(name.place, key_in(parent, printable(key, 80)) + ": unknown key" + instead(key, known));
    }
    if (!seen.insert(key).second) fail(name.place, key_in(parent, key) + ": is given twice");
    visit(key, Entry{value, value.kind == Node::Kind::empty ? name.place : value.place});
  }
}

process::GroupBy group_by(const Entry& entry) {
  std::vector<std::string_view> known;
  for (const auto& dimension : process::dimensions()) known.push_back(dimension.name);
  const auto& node = entry.value;
  if (node.kind != Node::Kind::list || node.items.empty()) {
    fail(entry.place, "group_by: must be a list of dimensions, as [name, cgroup]");
  }
  process::GroupBy dimensions;
  for (const auto& item : node.items) {
    const auto& name = scalar(item, "group_by", enumerated(known, "or"));
    const auto* dimension = process::dimension_named(name);
    if (dimension == nullptr) {
      fail(item.place, "group_by: " + in_quotes(name) + " is no dimension" +
                           did_you_mean(name, known) + ": there are " + enumerated(known));
    }
    if (std::find(dimensions.begin(), dimensions.end(), dimension) != dimensions.end()) {
      fail(item.place, "group_by: " + in_quotes(name) + " is given twice");
    }
    dimensions.push_back(dimension);
  }
  return dimensions;
}

bool on_or_off(const Entry& entry, const std::string& key) {
  const auto& text = entry.scalar(key, "true or false");
  if (text == "true") return true;
  if (text == "false") return false;
  fail(entry.place, key + ": " + in_quotes(text) + " is neither true nor false");
}

/// Reads an entry into its setting of a table.
template <typename Setting, typename Target>
void apply(const Setting& setting, const Entry& entry, const std::string& key, Target& target) {
  if (const auto done = setting.set(target, entry.scalar(key, setting.placeholder)); !done) {
    fail(entry.place, key + ": " + done.error().what);
  }
}

void read_collectors(const Node& block, CollectorSettings& settings) {
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

void read_pss(const Node& block, Settings& settings) {
  std::vector<std::string_view> keys;
  for (const auto& setting : pss_settings()) keys.push_back(setting.key);
  for_each_key(block, "pss", keys, [&](const std::string& key, const Entry& entry) {
    for (const auto& setting : pss_settings()) {
      if (setting.key == key) apply(setting, entry, "pss." + key, settings);
    }
  });
}

constexpr std::array<std::string_view, 4> top_level_keys = {"group_by", "max_groups", "collectors",
                                                            "pss"};

Settings read_settings(const Node& root) {
  Settings settings;
  for_each_key(root, "", top_level_keys, [&](const std::string& key, const Entry& entry) {
    if (key == "group_by") settings.group_by = group_by(entry);
    if (key == "max_groups") {
      if (auto done = set_max_groups(settings, entry.scalar(key, "NUMBER")); !done) {
        fail(entry.place, key + ": " + done.error().what);
      }
    }
    if (key == "collectors") read_collectors(entry.value, settings.collectors);
    if (key == "pss") read_pss(entry.value, settings);
  });
  return settings;
}

/// Opens without waiting for whoever may write to a pipe.
Result<FileDescriptor> open_file(const std::string& path) {
  const auto failure = [&](std::string why) {
    return Error{ErrorKind::io, "cannot be read: " + std::move(why), path};
  };
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file.valid()) return failure(std::generic_category().message(errno));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return failure(std::generic_category().message(errno));
  if (S_ISFIFO(status.st_mode)) return failure("is a pipe: give a file");
  return file;
}

Result<std::string> read_text(const std::string& path) {
  const auto file = open_file(path);
  if (!file) return file.error();
  std::string text;
  std::array<char, 4096> block;
  while (true) {
    const auto got = ::read(file->get(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return Error{ErrorKind::io, "cannot be read: " + std::generic_category().message(errno),
                   path};
    }
    if (got == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(got));
    if (text.size() > largest_file) {
      return Error{ErrorKind::malformed, "is larger than 1 MiB: not a configuration file", path};
    }
  }
}

Error not_enough_memory(const std::string& path) {
  return Error{ErrorKind::exhausted, "not enough memory to read it", path};
}

}  // namespace

Result<Settings> parse_file(std::string_view text, const std::string& path) {
  try {
    const auto root = read_yaml(text);
    if (!root) return in_file(root.error(), path);
    return read_settings(*root);
  } catch (const Mistake& mistake) {
    return in_file(mistake.error, path);
  } catch (const std::exception&) {
    return not_enough_memory(path);
  }
}

Result<Settings> load_file(const std::string& path) {
  try {
    const auto text = read_text(path);
    if (!text) return text.error();
    return parse_file(*text, path);
  } catch (const std::exception&) {
    return not_enough_memory(path);
  }
}

std::vector<std::string> keys() {
  std::vector<std::string> all;
  for (const auto key : top_level_keys) {
    if (key == "collectors") {
      for (const auto& entry : collector_table()) all.push_back(key_in(key, entry.name));
      for (const auto& setting : collector_settings()) all.push_back(key_in(key, setting.name));
    } else if (key == "pss") {
      for (const auto& setting : pss_settings()) all.push_back(key_in(key, setting.key));
    } else {
      all.emplace_back(key);
    }
  }
  return all;
}

}  // namespace memory_exporter::config
