#pragma once

#include <map>
#include <string>
#include <vector>

#include "collectors/metric_sink.h"

namespace memory_exporter::testing {

/// Keeps what is written: samples as `name{label="value"}`, in their order, by family.
class RecordingSink final : public MetricSink {
 public:
  void family(const Family& family) override {
    families.emplace_back(family.name);
    current_ = family.name;
  }
  void sample(std::span<const Label> labels, Value value) override {
    std::string series = current_;
    char before = '{';
    for (const auto& label : labels) {
      series.append(1, before).append(label.name).append("=\"").append(label.value) += '"';
      before = ',';
    }
    if (!labels.empty()) series += '}';
    samples[series] =
        std::visit([](auto number) { return static_cast<double>(number); }, value.content());
  }
  using MetricSink::sample;

  std::vector<std::string> families;
  std::map<std::string, double> samples;

 private:
  std::string current_;
};

}  // namespace memory_exporter::testing
