#include "daemon/exposition/encoder.h"

#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <variant>

#include "collectors/base/utf8.h"

namespace memory_exporter::exposition {
namespace {

/// The bytes that cannot be copied as they are: those to escape, and those that may not be UTF-8.
class SpecialBytes {
 public:
  constexpr explicit SpecialBytes(std::string_view escaped) {
    for (const char c : escaped) special_[static_cast<unsigned char>(c)] = true;
    for (std::size_t byte = 0x80; byte < special_.size(); ++byte) special_[byte] = true;
  }

  /// How many bytes `text` starts with that may be copied as they are.
  std::size_t plain_prefix(std::string_view text) const {
    std::size_t n = 0;
    while (n < text.size() && !special_[static_cast<unsigned char>(text[n])]) ++n;
    return n;
  }

 private:
  std::array<bool, 256> special_{};
};

constexpr SpecialBytes in_label("\\\"\n");
constexpr SpecialBytes in_help("\\\n");
constexpr SpecialBytes in_open_metrics_help("\\\"\n");

/// Appends `bytes` escaped and as valid UTF-8. A run that needs neither is one append.
void append_escaped(std::string& out, std::string_view bytes, const SpecialBytes& special) {
  std::size_t run = 0;
  while (true) {
    run += special.plain_prefix(bytes.substr(run));
    if (run == bytes.size()) break;
    const auto front = utf8_front(bytes.substr(run));
    if (front.valid && front.size > 1) {
      run += front.size;
      continue;
    }
    out.append(bytes.substr(0, run));
    if (!front.valid) {
      out.append(replacement_character);
    } else {
      out += '\\';
      out += bytes[run] == '\n' ? 'n' : bytes[run];
    }
    bytes.remove_prefix(run + front.size);
    run = 0;
  }
  out.append(bytes);
}

template <typename Number, typename... Format>
void append_number(std::string& out, Number number, Format... format) {
  std::array<char, 32> digits;  // the longest double takes 24
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), number, format...).ptr;
  out.append(digits.data(), end);
}

void append_double(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else if (std::trunc(value) == value && std::abs(value) < 1e16) {
    append_number(out, value, std::chars_format::fixed);
  } else {
    append_number(out, value);
  }
}

void append_value(std::string& out, const Value& value) {
  if (const auto* natural = std::get_if<std::uint64_t>(&value.content())) {
    append_number(out, *natural);
  } else if (const auto* integer = std::get_if<std::int64_t>(&value.content())) {
    append_number(out, *integer);
  } else {
    append_double(out, std::get<double>(value.content()));
  }
}

constexpr std::string_view total = "_total";

}  // namespace

void Encoder::family(const Family& family) {
  drop_empty_family();
#ifndef NDEBUG
  assert(families_seen_.emplace(family.name).second && "a family is written twice");
#endif
  family_start_ = out_.size();
  family_is_empty_ = true;
  sample_name_ = family.name;

  const bool open_metrics = format_ == Format::open_metrics;
  auto name = family.name;
  if (open_metrics && family.type == MetricType::counter) {
    if (name.ends_with(total)) {
      name.remove_suffix(total.size());
    } else {
      sample_name_ += total;
    }
  }
  out_.append("# HELP ").append(name) += ' ';
  append_escaped(out_, family.help, open_metrics ? in_open_metrics_help : in_help);
  out_.append("\n# TYPE ").append(name);
  out_.append(family.type == MetricType::counter ? " counter\n" : " gauge\n");
  if (const auto unit = family.unit(); open_metrics && !unit.empty()) {
    out_.append("# UNIT ").append(name) += ' ';
    out_.append(unit) += '\n';
  }
}

void Encoder::sample(std::span<const Label> labels, Value value) {
  assert(!sample_name_.empty() && "a sample without a family");
  family_is_empty_ = false;
  out_.append(sample_name_);
  char before = '{';
  for (const auto& label : labels) {
    out_ += before;
    out_.append(label.name).append("=\"");
    append_escaped(out_, label.value, in_label);
    out_ += '"';
    before = ',';
  }
  if (!labels.empty()) out_ += '}';
  out_ += ' ';
  append_value(out_, value);
  out_ += '\n';
}

void Encoder::finish() {
  drop_empty_family();
  if (format_ == Format::open_metrics) out_ += "# EOF\n";
}

void Encoder::drop_empty_family() {
  if (family_is_empty_) out_.resize(family_start_);
  family_is_empty_ = false;
}

}  // namespace memory_exporter::exposition
