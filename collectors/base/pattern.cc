#include "collectors/base/pattern.h"

#include <re2/re2.h>

namespace memory_exporter {
namespace {

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

Pattern::Pattern(std::shared_ptr<const re2::RE2> expression) : expression_(std::move(expression)) {}

Result<Pattern> Pattern::compile(std::string_view expression) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_encoding(re2::RE2::Options::EncodingLatin1);  // kernel names are bytes, not UTF-8
  auto compiled = std::make_shared<const re2::RE2>(piece(expression), options);
  if (!compiled->ok()) return malformed(compiled->error());
  return Pattern(std::move(compiled));
}

bool Pattern::matches(std::string_view text) const {
  return re2::RE2::PartialMatch(piece(text), *expression_);
}

const std::string& Pattern::expression() const {
  return expression_->pattern();
}

}  // namespace memory_exporter
