// The expression, a newline, and the text that it is looked for in. An expression is anything that
// an operator writes; none may take more than its bounded time and memory.
#include "collectors/base/pattern.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

namespace {

bool is_literal(std::string_view expression) {
  return std::all_of(expression.begin(), expression.end(), [](char c) {
    return c == ' ' || c == '/' || c == '-' || std::isalnum(static_cast<unsigned char>(c)) != 0;
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::as_text(data, size);
  const auto newline = input.find('\n');
  const auto expression = input.substr(0, newline);
  const auto text = newline == std::string_view::npos ? expression : input.substr(newline + 1);
  const auto pattern = Pattern::compile(expression);
  if (!pattern) {
    fuzz::require(!pattern.error().what.empty(), "a refusal says why");
    fuzz::require(!is_literal(expression), "letters and digits are an expression");
    return 0;
  }
  fuzz::require(pattern->expression() == expression, "the expression stays as it was given");
  const auto copy = *pattern;
  const bool matches = pattern->matches(text);
  fuzz::require(copy == *pattern && copy.matches(text) == matches, "a copy matches the same");
  fuzz::require(
      !is_literal(expression) || matches == (text.find(expression) != std::string_view::npos),
      "letters and digits stand for themselves");
  const auto either = Pattern::compile("(?:" + std::string(expression) + ")|");
  fuzz::require(!either || either->matches(text), "nothing at all is found everywhere");
  return 0;
}
