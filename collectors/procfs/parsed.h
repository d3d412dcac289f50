#pragma once

#include <string>
#include <string_view>

#include "collectors/base/result.h"
#include "collectors/base/text.h"

namespace memory_exporter::procfs {

/// Lines of a text that had another form than the kernel's documentation gives them. A parser of
/// lines passes them over and keeps the rest: an odd line says nothing about the others.
struct Skipped {
  unsigned lines = 0;
  int first = 0;                     ///< the first one's number, from 1; 0: the whole text
  std::string_view first_should_be;  ///< a constant

  /// Notes one more of them.
  void add(int line, std::string_view should_be) {
    if (lines++ > 0) return;
    first = line;
    first_should_be = should_be;
  }

  explicit operator bool() const { return lines > 0; }

  /// The first of them.
  Error error() const { return malformed("expected " + std::string(first_should_be), first); }
};

/// What a text of lines says, and which of its lines say nothing.
template <typename T>
struct Parsed {
  T content;
  Skipped skipped;

  T& operator*() { return content; }
  const T& operator*() const { return content; }
  T* operator->() { return &content; }
  const T* operator->() const { return &content; }
};

/// Calls `visit(line)` for every line of a text; it returns whether the line has its form, which
/// `should_be` names (a constant). Skipped besides: a last line without its newline, which is not
/// visited (the kernel ends every line, so the text was cut short and a number at its end may have
/// lost digits), and a text without lines.
template <typename Visit>
Skipped for_each_line(std::string_view text, std::string_view should_be, Visit&& visit) {
  Skipped skipped;
  if (text.empty()) skipped.add(0, "lines, the file is empty");
  const bool cut = ends_within_line(text);
  for (int number = 1; !text.empty(); ++number) {
    const auto line = take_line(text);
    if (cut && text.empty()) {
      skipped.add(number, "a newline, the line is cut short");
    } else if (!visit(line)) {
      skipped.add(number, should_be);
    }
  }
  return skipped;
}

}  // namespace memory_exporter::procfs
