#pragma once

#include <string>
#include <utility>
#include <vector>

#include "collectors/metric_sink.h"
#include "daemon/exposition/encoder.h"

namespace memory_exporter::testing {

/// A family and its samples, owned, so that it can be written to a sink and compared afterwards.
struct OwnedSample {
  std::vector<std::pair<std::string, std::string>> labels;
  Value value;
};
struct OwnedFamily {
  std::string name;
  MetricType type;
  std::string help;
  std::vector<OwnedSample> samples;
};

std::string encode(exposition::Format format, const std::vector<OwnedFamily>& families);

/// A whole number as a double, and a double as itself.
double as_double(const Value& value);

/// Encodes the families, reads them back with the strict parser and says what is not as it was;
/// empty where everything is. Labels and HELP may come back repaired, integers not even rounded.
/// Counters must be named _total and be no less than 0.
std::string round_trip_difference(exposition::Format format,
                                  const std::vector<OwnedFamily>& families);

}  // namespace memory_exporter::testing
