#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "collectors/base/result.h"
#include "collectors/procfs/parsed.h"
#include "collectors/procfs/reader.h"
#include "collectors/read_failures.h"

namespace memory_exporter {

/// A file below a tree, and the constant that read errors know it by.
struct FileName {
  /// The name is the last part of the path, which must be a constant itself.
  FileName(const char* constant)  // NOLINT: a literal is a file's name
      : path(constant), label(last_part(constant)) {}
  /// A constant name in a folder that somebody else named.
  FileName(const std::string& folder, const char* name)
      : path(folder + '/' + name), label(last_part(name)) {}
  /// A file that somebody else named, under a constant of its own.
  static FileName labelled(std::string path, std::string_view constant) {
    return FileName(std::move(path), constant);
  }

  std::string path;
  std::string_view label;

 private:
  FileName(std::string whole, std::string_view constant)
      : path(std::move(whole)), label(constant) {}
  static std::string_view last_part(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
  }
};

namespace detail {
template <typename T>
struct ContentOf;
template <typename T>
struct ContentOf<Result<T>> {
  using type = T;
};
template <typename T>
struct ContentOf<procfs::Parsed<T>> {
  using type = T;
};

template <typename T>
std::optional<T> content_of(Result<T> parsed, const FileName& file, const procfs::Tree& tree,
                            ReadErrors& errors) {
  if (parsed) return std::move(*parsed);
  errors.add(file.label, in_file(std::move(parsed.error()), tree.path() + '/' + file.path));
  return std::nullopt;
}

template <typename T>
std::optional<T> content_of(procfs::Parsed<T> parsed, const FileName& file,
                            const procfs::Tree& tree, ReadErrors& errors) {
  if (parsed.skipped) errors.add(file.label, parsed.skipped, tree.path() + '/' + file.path);
  return std::move(parsed.content);
}
}  // namespace detail

/// Reads a file and hands its text to `parse`, which returns a Result or a Parsed. Nothing where
/// the file is not there, which is normal, and where it cannot be read or understood, which
/// `errors` counts. Views in the content point into `buffer`.
template <typename Parse>
auto read_file(const procfs::Tree& tree, const FileName& file, procfs::Buffer& buffer,
               ReadErrors& errors, Parse&& parse) {
  using Content = typename detail::ContentOf<decltype(parse(std::string_view()))>::type;
  const auto text = tree.read(file.path.c_str(), buffer);
  if (!text) {
    errors.add(file.label, text.error());
    return std::optional<Content>();
  }
  return detail::content_of(parse(*text), file, tree, errors);
}

}  // namespace memory_exporter
