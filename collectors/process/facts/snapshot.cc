#include "collectors/process/facts/snapshot.h"

namespace memory_exporter::process {

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
