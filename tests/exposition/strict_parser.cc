#include "tests/exposition/strict_parser.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>

namespace memory_exporter::testing {
namespace {

enum class Format { text, open_metrics };

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_label_name(std::string_view name) {
  return !name.empty() && is_letter(name[0]) && !name.starts_with("__") &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || is_digit(c); });
}

bool is_metric_name(std::string_view name) {
  return !name.empty() && (is_letter(name[0]) || name[0] == ':') &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter(c) || is_digit(c) || c == ':'; });
}

/// By decoding each code point and looking at its number; the encoder goes by tables of bytes.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
    std::size_t more = 0;
    std::uint32_t code = byte(i);
    std::uint32_t least = 0;
    if ((code >> 5) == 0b110) {
      more = 1, code &= 0b11111, least = 0x80;
    } else if ((code >> 4) == 0b1110) {
      more = 2, code &= 0b1111, least = 0x800;
    } else if ((code >> 3) == 0b11110) {
      more = 3, code &= 0b111, least = 0x10000;
    } else if (code >= 0x80) {
      return false;
    }
    if (text.size() - i <= more) return false;
    for (std::size_t k = 1; k <= more; ++k) {
      if ((byte(i + k) >> 6) != 0b10) return false;
      code = (code << 6) | (byte(i + k) & 0b111111u);
    }
    if (code < least || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
    i += 1 + more;
  }
  return true;
}

/// Undoes \\, \n and, where allowed, \". Nothing for any other escape or a bare quote in quotes.
std::optional<std::string> unescaped(std::string_view text, bool quote_is_escaped) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"' && quote_is_escaped) return std::nullopt;
    if (text[i] != '\\') {
      plain += text[i];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    if (text[i] == 'n') {
      plain += '\n';
    } else if (text[i] == '\\' || (text[i] == '"' && quote_is_escaped)) {
      plain += text[i];
    } else {
      return std::nullopt;
    }
  }
  return plain;
}

std::optional<double> number(std::string_view text) {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  if (text == "-Inf") return -std::numeric_limits<double>::infinity();
  auto digits = text;
  if (digits.starts_with('+') || digits.starts_with('-')) digits.remove_prefix(1);
  if (digits.empty() || (!is_digit(digits[0]) && digits[0] != '.')) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return text[0] == '-' ? -value : value;
}

/// Takes the text up to `end` off the front, and `end` too; nothing where there is none.
std::optional<std::string_view> take_until(std::string_view& text, char end) {
  const auto at = text.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const auto taken = text.substr(0, at);
  text.remove_prefix(at + 1);
  return taken;
}

class Parser {
 public:
  explicit Parser(Format format) : format_(format) {}

  Result<Exposition> parse(std::string_view text) {
    if (!is_utf8(text)) return malformed("not UTF-8");
    while (!text.empty()) {
      ++line_number_;
      if (ended_) return error("something behind # EOF");
      const auto line = take_until(text, '\n');
      if (!line) return error("the last line does not end");
      if (const auto status = parse_line(*line); !status) return status.error();
    }
    if (format_ == Format::open_metrics && !ended_) return error("# EOF is missing");
    if (const auto status = close_family(); !status) return status.error();
    return std::move(families_);
  }

 private:
  Error error(std::string what) const { return malformed(std::move(what), line_number_); }

  Status parse_line(std::string_view line) {
    if (line.empty()) return error("a blank line");
    if (line[0] != '#') return parse_sample(line);
    if (format_ == Format::open_metrics && line == "# EOF") {
      ended_ = true;
      return Done{};
    }
    if (!line.starts_with("# ")) return error("a comment that is no metadata");
    line.remove_prefix(2);
    const auto keyword = take_until(line, ' ');
    const auto name = take_until(line, ' ');
    if (!keyword || !name) return error("metadata without a name and a value");
    if (!is_metric_name(*name)) return error("metadata of what is no metric name");
    if (const auto status = open_family(*name); !status) return status.error();
    auto& family = families_.back();
    if (!family.samples.empty()) return error("metadata behind a sample");
    if (*keyword == "HELP") return parse_help(family, line);
    if (*keyword == "TYPE") return parse_type(family, line);
    if (*keyword == "UNIT" && format_ == Format::open_metrics) return parse_unit(family, line);
    return error("a comment that is no metadata");
  }

  Status parse_help(ParsedFamily& family, std::string_view text) {
    if (has_help_) return error("a second HELP");
    has_help_ = true;
    auto help = unescaped(text, format_ == Format::open_metrics);
    if (!help) return error("HELP is not escaped as the format asks");
    family.help = std::move(*help);
    return Done{};
  }

  Status parse_type(ParsedFamily& family, std::string_view type) {
    if (!family.type.empty()) return error("a second TYPE");
    if (type != "gauge" && type != "counter") return error("TYPE is neither gauge nor counter");
    family.type = type;
    return Done{};
  }

  Status parse_unit(ParsedFamily& family, std::string_view unit) {
    if (!family.unit.empty()) return error("a second UNIT");
    family.unit = unit;
    if (unit.empty() || !family.name.ends_with("_" + family.unit)) {
      return error("UNIT is not the suffix of the family's name");
    }
    return Done{};
  }

  /// Makes `name` the current family, which it may be already.
  Status open_family(std::string_view name) {
    if (!families_.empty() && families_.back().name == name) return Done{};
    if (const auto status = close_family(); !status) return status.error();
    if (find_family(families_, name) != nullptr) return error("a family is repeated or split");
    families_.emplace_back().name = name;
    has_help_ = false;
    labels_seen_.clear();
    return Done{};
  }

  Status close_family() {
    if (families_.empty()) return Done{};
    const auto& family = families_.back();
    if (!has_help_) return error(family.name + " has no HELP");
    if (family.samples.empty()) return error(family.name + " has no samples");
    auto names = std::set<std::string>{family.name, family.samples.front().name};
    if (format_ == Format::open_metrics && family.type == "counter") {
      names.insert(family.name + "_created");
    }
    for (const auto& name : names) {
      if (!names_seen_.insert(name).second) return error(name + " is of two families");
    }
    return Done{};
  }

  Status parse_sample(std::string_view line) {
    ParsedSample sample;
    const auto name_end = line.find_first_of("{ ");
    if (name_end == std::string_view::npos) return error("a sample without a value");
    sample.name = line.substr(0, name_end);
    if (!is_metric_name(sample.name)) return error("a sample of what is no metric name");
    line.remove_prefix(name_end);
    if (line[0] == '{') {
      if (const auto status = parse_labels(sample, line); !status) return status.error();
    }
    if (!line.starts_with(' ')) return error("no blank before the value");
    line.remove_prefix(1);
    sample.value_text = line;
    const auto value = number(line);
    if (!value) return error("the value is no number");
    sample.value = *value;
    return add_sample(std::move(sample));
  }

  /// Takes "{...}" off the front.
  Status parse_labels(ParsedSample& sample, std::string_view& line) {
    line.remove_prefix(1);
    while (true) {
      const auto name = take_until(line, '=');
      if (!name || !is_label_name(*name)) return error("no label name where one should be");
      if (std::any_of(sample.labels.begin(), sample.labels.end(),
                      [&](const auto& label) { return label.first == *name; })) {
        return error("label " + std::string(*name) + " twice");
      }
      if (!line.starts_with('"')) return error("a label value is not in quotes");
      std::size_t end = 1;
      while (end < line.size() && line[end] != '"') end += line[end] == '\\' ? 2 : 1;
      if (end >= line.size()) return error("a label value does not end");
      auto value = unescaped(line.substr(1, end - 1), true);
      if (!value) return error("a label value has an escape that the formats do not know");
      sample.labels.emplace_back(*name, std::move(*value));
      line.remove_prefix(end + 1);
      const char next = line.empty() ? '\0' : line[0];
      if (next != ',' && next != '}') return error("neither , nor } behind a label");
      line.remove_prefix(1);
      if (next == '}') return Done{};
    }
  }

  Status add_sample(ParsedSample sample) {
    if (families_.empty()) return error("a sample without a family");
    auto& family = families_.back();
    const bool total = format_ == Format::open_metrics && family.type == "counter";
    if (sample.name != family.name + (total ? "_total" : "")) {
      return error("a sample that is not of the family before it");
    }
    if (family.type.empty()) return error("a sample before its TYPE");
    if (format_ == Format::open_metrics && family.type == "counter" && !(sample.value >= 0)) {
      return error("a counter below zero, or NaN");
    }
    auto labels = sample.labels;
    std::erase_if(labels, [](const auto& label) { return label.second.empty(); });
    std::sort(labels.begin(), labels.end());
    if (!labels_seen_.insert(std::move(labels)).second) return error("the same labels twice");
    family.samples.push_back(std::move(sample));
    return Done{};
  }

  const Format format_;
  int line_number_ = 0;
  bool ended_ = false;
  bool has_help_ = false;
  Exposition families_;
  std::set<std::string> names_seen_;
  std::set<std::vector<std::pair<std::string, std::string>>> labels_seen_;
};

}  // namespace

std::string_view ParsedSample::label(std::string_view wanted) const {
  for (const auto& [label_name, label_value] : labels) {
    if (label_name == wanted) return label_value;
  }
  return {};
}

Result<Exposition> parse_text(std::string_view text) {
  return Parser(Format::text).parse(text);
}

Result<Exposition> parse_open_metrics(std::string_view text) {
  return Parser(Format::open_metrics).parse(text);
}

const ParsedFamily* find_family(const Exposition& exposition, std::string_view name) {
  for (const auto& family : exposition) {
    if (family.name == name) return &family;
  }
  return nullptr;
}

}  // namespace memory_exporter::testing
