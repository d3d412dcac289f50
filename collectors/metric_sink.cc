#include "collectors/metric_sink.h"

#include <array>

namespace memory_exporter {

std::string_view Family::unit() const {
  static constexpr std::array<std::string_view, 3> units = {"bytes", "seconds", "ratio"};
  auto base = name;
  if (type == MetricType::counter && base.ends_with("_total")) {
    base.remove_suffix(std::string_view("_total").size());
  }
  for (const auto unit : units) {
    if (base.size() > unit.size() && base.ends_with(unit) &&
        base[base.size() - unit.size() - 1] == '_') {
      return unit;
    }
  }
  return {};
}

}  // namespace memory_exporter
