#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "collectors/base/label.h"
#include "collectors/metric_sink.h"

namespace memory_exporter {

/// Writes one sample a state: 1 for the state in force, 0 for the others. `labels` come first.
template <typename States>
void write_states(MetricSink& sink, std::string_view label, const States& states,
                  std::size_t current, std::span<const Label> labels = {}) {
  std::vector<Label> all(labels.begin(), labels.end());
  all.push_back({label, {}});
  std::size_t index = 0;
  for (const std::string_view state : states) {
    const auto name = valid_label(state);
    all.back().value = name;
    sink.sample(all, Value(std::uint64_t{index++ == current}));
  }
}

}  // namespace memory_exporter
