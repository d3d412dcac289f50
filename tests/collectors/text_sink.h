#pragma once

#include <charconv>
#include <string>

#include "collectors/collector.h"

namespace memory_exporter {

/// Writes samples down as `name{label="value"} value` lines, in their order, a newline in a label
/// as \n, for a test to compare whole. It asserts nothing about the wire: the encoder has its own
/// tests.
class TextSink final : public MetricSink {
 public:
  using MetricSink::sample;

  void family(const Family& family) override { name_ = family.name; }

  void sample(std::span<const Label> labels, Value value) override {
    text_ += name_;
    char separator = '{';
    for (const auto& label : labels) {
      (text_ += separator) += label.name;
      text_ += "=\"";
      for (const char c : label.value) c == '\n' ? text_ += "\\n" : text_ += c;
      text_ += '"';
      separator = ',';
    }
    if (!labels.empty()) text_ += '}';
    text_ += ' ';
    std::visit(
        [&](auto number) {
          char digits[32];
          const auto [end, error] = std::to_chars(digits, digits + sizeof digits, number);
          text_.append(digits, end);
        },
        value.content());
    text_ += '\n';
  }

  const std::string& text() const { return text_; }

 private:
  std::string name_;
  std::string text_;
};

/// What a collector wrote, and behind it a line "error: FILE: REASON: ..." for each thing that it
/// could not read.
inline std::string collected(const Trees& trees, const Collector& collector,
                             const process::Snapshot& processes = process::Snapshot()) {
  TextSink sink;
  SharedMeminfo meminfo(trees.procfs);
  ReadErrors errors;
  Collection collection{processes, sink, meminfo, errors};
  collector.collect(collection);
  auto text = sink.text();
  for (const auto& [file, error] : errors.noted()) {
    text += "error: " + std::string(file) + ": " + std::string(to_string(error.kind)) + ": " +
            error.message() + '\n';
  }
  return text;
}

}  // namespace memory_exporter
