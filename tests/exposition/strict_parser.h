#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collectors/base/result.h"

namespace memory_exporter::testing {

struct ParsedSample {
  std::string name;  ///< as on the line: in OpenMetrics a counter's ends in _total
  std::vector<std::pair<std::string, std::string>> labels;  ///< in their order, escapes undone
  std::string value_text;
  double value = 0;

  /// Empty where there is no such label.
  std::string_view label(std::string_view name) const;
};

struct ParsedFamily {
  std::string name;
  std::string type;  ///< gauge or counter
  std::string help;  ///< escapes undone
  std::string unit;  ///< OpenMetrics only
  std::vector<ParsedSample> samples;
};

using Exposition = std::vector<ParsedFamily>;

/// Parsers of what the exporter writes that share nothing with the encoder and forgive nothing. An
/// error says what is wrong and on which line. They refuse what the formats' specifications refuse:
///
/// - families repeated or split, a second HELP, TYPE or UNIT, metadata behind a sample
/// - two samples with the same labels (an empty value is as good as no label)
/// - names that are no names, labels that start with __, a label twice
/// - escapes other than those of the format, unescaped quotes, invalid UTF-8
/// - values that are no number, a last line without its newline
/// - OpenMetrics: `# EOF` missing or not last, blank lines, other comments, a UNIT that is not the
///   family's suffix, counters without _total or below zero, names of two families that clash
///
/// And what the exporter promises beyond that: every family has a HELP, a TYPE (gauge or counter)
/// and at least one sample; one blank between tokens; no timestamps, exemplars or other comments.
Result<Exposition> parse_text(std::string_view text);
Result<Exposition> parse_open_metrics(std::string_view text);

/// The family of that name; nullptr where there is none.
const ParsedFamily* find_family(const Exposition& exposition, std::string_view name);

}  // namespace memory_exporter::testing
