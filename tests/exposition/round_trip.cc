#include "tests/exposition/round_trip.h"

#include <cmath>
#include <string_view>
#include <variant>

#include "collectors/base/utf8.h"
#include "tests/exposition/strict_parser.h"

namespace memory_exporter::testing {
namespace {

using exposition::Format;

std::string repaired(const std::string& bytes) {
  std::string out;
  append_valid_utf8(out, bytes);
  return out;
}

/// An integer must be there to the last digit; a double must be the same double.
bool same_value(const Value& written, const ParsedSample& read) {
  if (const auto* natural = std::get_if<std::uint64_t>(&written.content())) {
    return read.value_text == std::to_string(*natural);
  }
  if (const auto* integer = std::get_if<std::int64_t>(&written.content())) {
    return read.value_text == std::to_string(*integer);
  }
  const auto number = as_double(written);
  if (std::isnan(number)) return std::isnan(read.value);
  return read.value == number && std::signbit(read.value) == std::signbit(number);
}

std::string sample_difference(const OwnedFamily& family, const OwnedSample& written,
                              const ParsedSample& read) {
  if (read.name != family.name) return "sample " + read.name + " of " + family.name;
  auto labels = written.labels;
  for (auto& [name, value] : labels) value = repaired(value);
  if (read.labels != labels) return "labels of a sample of " + family.name;
  if (!same_value(written.value, read)) {
    return "value " + read.value_text + " for " + std::to_string(as_double(written.value));
  }
  return {};
}

std::string family_difference(Format format, const OwnedFamily& written, const ParsedFamily& read) {
  const bool open_metrics = format == Format::open_metrics;
  const bool counter = written.type == MetricType::counter;
  auto name = written.name;
  if (open_metrics && counter) name.resize(name.size() - std::string_view("_total").size());
  if (read.name != name) return "family " + read.name + " for " + name;
  if (read.type != (counter ? "counter" : "gauge")) return "type of " + name;
  if (read.help != repaired(written.help)) return "HELP of " + name;
  const Family family{written.name, written.type, written.help};
  if (read.unit != (open_metrics ? family.unit() : "")) return "unit of " + name;
  if (read.samples.size() != written.samples.size()) return "number of samples of " + name;
  for (std::size_t i = 0; i < read.samples.size(); ++i) {
    auto difference = sample_difference(written, written.samples[i], read.samples[i]);
    if (!difference.empty()) return difference;
  }
  return {};
}

}  // namespace

std::string encode(Format format, const std::vector<OwnedFamily>& families) {
  std::string out;
  exposition::Encoder encoder(format, out);
  for (const auto& family : families) {
    encoder.family({family.name, family.type, family.help});
    for (const auto& sample : family.samples) {
      std::vector<Label> labels;
      for (const auto& [name, value] : sample.labels) labels.push_back({name, value});
      encoder.sample(labels, sample.value);
    }
  }
  encoder.finish();
  return out;
}

double as_double(const Value& value) {
  return std::visit([](auto number) { return static_cast<double>(number); }, value.content());
}

std::string round_trip_difference(Format format, const std::vector<OwnedFamily>& families) {
  const auto encoded = encode(format, families);
  const auto parsed = format == Format::text ? parse_text(encoded) : parse_open_metrics(encoded);
  if (!parsed) return parsed.error().message() + " in\n" + encoded;
  std::size_t next = 0;
  for (const auto& family : families) {
    if (family.samples.empty()) continue;  // leaves no trace
    if (next == parsed->size()) return "family " + family.name + " is missing";
    auto difference = family_difference(format, family, (*parsed)[next++]);
    if (!difference.empty()) return difference + " in\n" + encoded;
  }
  return next == parsed->size() ? "" : "a family from nowhere in\n" + encoded;
}

}  // namespace memory_exporter::testing
