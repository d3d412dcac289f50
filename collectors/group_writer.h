#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "collectors/metric_sink.h"
#include "collectors/process/facts/snapshot.h"

namespace memory_exporter {

/// Writes the families of a collector of process groups, one after another, each over all groups.
/// Every sample carries all configured dimensions, so that any coarser view is one `sum by`.
class GroupWriter {
 public:
  /// `families` are the collector's, and family() names them by their index.
  GroupWriter(std::span<const Family> families, const process::Snapshot& snapshot, MetricSink& sink)
      : families_(families), snapshot_(snapshot), sink_(sink) {
    for (const auto* dimension : snapshot.group_by) labels_.push_back({dimension->name, {}});
  }

  /// Calls `write(totals)` for every group, with sample() writing under that group's labels.
  template <typename Write>
  void family(std::size_t index, Write&& write) {
    sink_.family(families_[index]);
    for (const auto& group : snapshot_.groups) {
      for (std::size_t i = 0; i < group.key.size(); ++i) labels_[i].value = group.key[i];
      write(group.totals);
    }
  }

  void sample(Value value) { sink_.sample(labels_, value); }

  void sample(std::string_view label, std::string_view label_value, Value value) {
    labels_.push_back({label, label_value});
    sink_.sample(labels_, value);
    labels_.pop_back();
  }

  /// What is unknown is not written: of either kind of optional.
  template <typename Optional>
  void sample(const Optional& value) requires requires {
    value.has_value();
  }
  {
    if (value) sample(Value(*value));
  }

  template <typename Optional>
  void sample(std::string_view label, std::string_view label_value,
              const Optional& value) requires requires {
    value.has_value();
  }
  {
    if (value) sample(label, label_value, Value(*value));
  }

 private:
  const std::span<const Family> families_;
  const process::Snapshot& snapshot_;
  MetricSink& sink_;
  std::vector<Label> labels_;
};

}  // namespace memory_exporter
