#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/metric_sink.h"

namespace memory_exporter {

/// Holds what is written until somebody wants it: for a writer that may never come back. Costs some
/// 50 bytes a sample and 24 a label beside the labels' bytes.
class SampleBuffer final : public MetricSink {
 public:
  using MetricSink::sample;

  /// `family` and the labels' names are constants, and so outlive the buffer; values are copied.
  void family(const Family& family) override;
  void sample(std::span<const Label> labels, Value value) override;

  bool has_samples() const { return !samples_.empty(); }

  /// Writes all of it, in its order.
  void replay(MetricSink& sink) const;

 private:
  struct Part {
    const Family* family;
    std::size_t first_sample;
  };
  struct Sample {
    Value value;
    std::size_t first_label;
  };
  struct StoredLabel {
    std::string_view name;
    std::size_t end;  ///< of its value in text_; it begins where the one before it ends
  };

  std::vector<Part> parts_;
  std::vector<Sample> samples_;
  std::vector<StoredLabel> labels_;
  std::string text_;
};

}  // namespace memory_exporter
