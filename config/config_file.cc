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
#include <utility>

#include "collectors/base/file_descriptor.h"
#include "collectors/base/printable.h"
#include "config/suggest.h"

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

/// What to write in place of a word that is none of those there are.
std::string instead(std::string_view word, std::span<const std::string_view> known) {
  const auto guess = did_you_mean(word, known);
  return guess.empty() ? ": there are " + enumerated(known) : guess;
}

/// The block in which a key stands, before its first dot, and its name there.
std::pair<std::string_view, std::string_view> split(std::string_view key) {
  const auto dot = key.find('.');
  if (dot == std::string_view::npos) return {{}, key};
  return {key.substr(0, dot), key.substr(dot + 1)};
}

/// The names that may stand in a block, or outside of all: those blocks among them.
std::vector<std::string_view> names_in(std::string_view block) {
  std::vector<std::string_view> names;
  for (const auto& row : rows()) {
    const auto [parent, name] = split(row.key);
    const auto here = block.empty() && !parent.empty() ? parent : name;
    const bool known = std::find(names.begin(), names.end(), here) != names.end();
    if ((block.empty() || parent == block) && !here.empty() && !known) names.push_back(here);
  }
  return names;
}

const Row* row_of(std::string_view key) {
  const auto at =
      std::find_if(rows().begin(), rows().end(), [&](const Row& row) { return row.key == key; });
  return at == rows().end() ? nullptr : &*at;
}

/// Reads a block, or the whole file. A value is tried on the settings at once, so that the first
/// mistake of the file is the one that is found.
void read_block(const Node& block, const std::string& parent, Settings& tried, Assignments& found) {
  if (block.kind == Node::Kind::empty) return;
  const auto known = names_in(parent);
  if (block.kind != Node::Kind::block) {
    fail(block.place, (parent.empty() ? "the file" : parent + ":") + " is " +
                          std::string(name_of(block.kind)) +
                          ", must be a block of keys: there are " + enumerated(known));
  }
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < block.keys.size(); ++i) {
    const auto& name = block.keys[i];
    if (name.kind != Node::Kind::scalar) fail(name.place, "a key must be a single word");
    if (std::find(known.begin(), known.end(), name.text) == known.end()) {
      fail(name.place,
           key_in(parent, printable(name.text, 80)) + ": unknown key" + instead(name.text, known));
    }
    const auto key = key_in(parent, name.text);
    if (!seen.insert(name.text).second) fail(name.place, key + ": is given twice");
    const auto* row = row_of(key);
    if (row == nullptr) {
      read_block(block.items[i], key, tried, found);
      continue;
    }
    found.push_back({row, block.items[i]});
    // An empty value stands nowhere itself: then it is the key's place.
    if (found.back().value.kind == Node::Kind::empty) found.back().value.place = name.place;
    if (const auto done = assign(found.back(), tried); !done) throw Mistake{done.error()};
  }
}

Assignments read_file(const Node& root) {
  Settings tried;
  Assignments found;
  read_block(root, "", tried, found);
  return found;
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

Result<Assignments> parse_file(std::string_view text, const std::string& path) {
  try {
    const auto root = read_yaml(text);
    if (!root) return in_file(root.error(), path);
    return read_file(*root);
  } catch (const Mistake& mistake) {
    return in_file(mistake.error, path);
  } catch (const std::exception&) {
    return not_enough_memory(path);
  }
}

Result<Assignments> load_file(const std::string& path) {
  try {
    const auto text = read_text(path);
    if (!text) return text.error();
    return parse_file(*text, path);
  } catch (const std::exception&) {
    return not_enough_memory(path);
  }
}

Result<Settings> load_settings(const Assignments& flags) {
  const auto of_flags = settings_from({}, flags);
  if (!of_flags || of_flags->config_file.empty()) return of_flags;
  const auto file = load_file(of_flags->config_file);
  if (!file) return file.error();
  return settings_from(*file, flags);
}

}  // namespace memory_exporter::config
