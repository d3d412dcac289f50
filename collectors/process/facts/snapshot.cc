#include "collectors/process/facts/snapshot.h"

namespace memory_exporter::process {

std::string_view to_string(Dimension dimension) {
  switch (dimension) {
    case Dimension::name:
      return "name";
    case Dimension::cgroup:
      return "cgroup";
  }
  return {};
}

std::optional<Dimension> dimension_from(std::string_view name) {
  for (const auto dimension : {Dimension::name, Dimension::cgroup}) {
    if (to_string(dimension) == name) return dimension;
  }
  return std::nullopt;
}

std::string_view to_string(Unmeasured reason) {
  switch (reason) {
    case Unmeasured::pending:
      return "pending";
    case Unmeasured::denied:
      return "denied";
    case Unmeasured::stale:
      return "stale";
    case Unmeasured::stuck:
      return "stuck";
    case Unmeasured::unsupported:
      return "unsupported";
  }
  return {};
}

std::string_view to_string(PssTier tier) {
  switch (tier) {
    case PssTier::rollup:
      return "rollup";
    case PssTier::pagemap:
      return "pagemap";
  }
  return {};
}

}  // namespace memory_exporter::process
