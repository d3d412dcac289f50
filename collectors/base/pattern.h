#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "collectors/base/result.h"

namespace re2 {
class RE2;
}

namespace memory_exporter {

/// A regular expression of RE2's syntax: matching takes time linear in the text, whatever the
/// expression. Cheap to copy; copies may match at once in several threads.
class Pattern {
 public:
  /// The error says what is wrong with the expression and where.
  static Result<Pattern> compile(std::string_view expression);

  /// Whether it matches anywhere in the text; ^ and $ anchor it.
  bool matches(std::string_view text) const;

  /// The expression as it was given.
  const std::string& expression() const;

  bool operator==(const Pattern& other) const { return expression() == other.expression(); }

 private:
  explicit Pattern(std::shared_ptr<const re2::RE2> expression);

  std::shared_ptr<const re2::RE2> expression_;
};

}  // namespace memory_exporter
