#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "collectors/base/result.h"
#include "collectors/procfs/reader.h"

namespace memory_exporter {

/// What a collector makes of one file: its content, nothing where it is not there (which is
/// normal), or the error with the file's path.
template <typename T>
using IfPresent = Result<std::optional<T>>;

/// Reads a file and hands its text to `parse`, which returns a Result. Views in the content point
/// into `buffer`.
template <typename Parse>
auto read_file(const procfs::Tree& tree, const char* path, procfs::Buffer& buffer, Parse&& parse)
    -> IfPresent<std::decay_t<decltype(*parse(std::string_view()))>> {
  using Content = std::decay_t<decltype(*parse(std::string_view()))>;
  const auto text = tree.read(path, buffer);
  if (!text) {
    if (text.error().kind == ErrorKind::vanished) return std::optional<Content>();
    return text.error();
  }
  auto content = parse(*text);
  if (!content) return in_file(std::move(content.error()), tree.path() + '/' + path);
  return std::optional<Content>(std::move(*content));
}

}  // namespace memory_exporter
