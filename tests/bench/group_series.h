#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "collectors/metric_sink.h"

namespace memory_exporter::bench {

/// The exposition of a large host: 2,500 groups in 20 families, 50,000 series. Two labels of
/// ordinary length, values of every magnitude.
class GroupSeries {
 public:
  static constexpr std::size_t groups = 2500;
  static constexpr std::size_t families = 20;
  static constexpr std::size_t series = groups * families;
  static constexpr std::string_view help =
      "Resident memory by kind; /proc/PID/status RssAnon, RssFile, RssShmem. Shared pages count "
      "once in every process.";

  GroupSeries() {
    std::mt19937_64 random(1);
    for (std::size_t i = 0; i < groups; ++i) {
      names.push_back("worker-" + std::to_string(random() % 900));
      cgroups.push_back("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" +
                        std::to_string(i) + "-" + std::to_string(random()) + ".slice");
    }
    for (std::size_t i = 0; i < families; ++i) {
      family_names.push_back("memory_group_" + std::to_string(i) + "_bytes");
    }
    for (std::size_t i = 0; i < series; ++i) {
      values.push_back(((random() % (1u << 20)) * 4096) >> (random() % 12));
    }
  }

  void write(MetricSink& sink) const {
    auto value = values.begin();
    for (const auto& name : family_names) {
      sink.family({name, MetricType::gauge, help});
      for (std::size_t i = 0; i < groups; ++i) {
        sink.sample({{"name", names[i]}, {"cgroup", cgroups[i]}}, *value++);
      }
    }
  }

  std::vector<std::string> names;
  std::vector<std::string> cgroups;
  std::vector<std::string> family_names;
  std::vector<std::uint64_t> values;
};

}  // namespace memory_exporter::bench
