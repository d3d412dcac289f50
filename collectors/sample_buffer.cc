#include "collectors/sample_buffer.h"

namespace memory_exporter {

void SampleBuffer::family(const Family& family) {
  parts_.push_back({&family, samples_.size()});
}

void SampleBuffer::sample(std::span<const Label> labels, Value value) {
  samples_.push_back({value, labels_.size()});
  for (const auto& label : labels) {
    text_ += label.value;
    labels_.push_back({label.name, text_.size()});
  }
}

void SampleBuffer::replay(MetricSink& sink) const {
  const std::string_view text = text_;
  std::vector<Label> labels;
  std::size_t label = 0, text_at = 0;
  for (std::size_t part = 0; part < parts_.size(); ++part) {
    sink.family(*parts_[part].family);
    const auto end = part + 1 < parts_.size() ? parts_[part + 1].first_sample : samples_.size();
    for (auto sample = parts_[part].first_sample; sample < end; ++sample) {
      const auto last_label =
          sample + 1 < samples_.size() ? samples_[sample + 1].first_label : labels_.size();
      labels.clear();
      for (; label < last_label; ++label) {
        const auto& stored = labels_[label];
        labels.push_back({stored.name, text.substr(text_at, stored.end - text_at)});
        text_at = stored.end;
      }
      sink.sample(labels, samples_[sample].value);
    }
  }
}

}  // namespace memory_exporter
