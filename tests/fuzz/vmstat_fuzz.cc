// Counters that older kernels keep by zone, against a slow sum of the same lines.
#include "collectors/vmstat_history.h"

#include <array>
#include <map>
#include <set>
#include <string>

#include "collectors/procfs/flat_keyed.h"
#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

namespace {

using Sums = std::map<std::string, std::optional<std::uint64_t>, std::less<>>;

/// The event that a zone's field belongs to; empty: it is none.
std::string event_of(std::string_view field) {
  constexpr const char* events[] = {"allocstall", "pgscan_direct", "pgscan_kswapd",
                                    "pgsteal_direct", "pgsteal_kswapd"};
  constexpr const char* zones[] = {"dma", "dma32", "normal", "high", "movable", "device"};
  for (const std::string event : events) {
    for (const char* zone : zones) {
      if (field == event + '_' + zone) return event;
    }
  }
  return {};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  vmstat::ZoneSums sums;
  Sums expected;
  std::set<std::string, std::less<>> seen;
  procfs::for_each_flat_keyed(fuzz::as_text(data, size), [&](std::string_view field,
                                                             std::optional<std::uint64_t> value) {
    fuzz::require(!vmstat::present_name(field).empty(), "a field has a name");
    fuzz::require(vmstat::present_name(vmstat::present_name(field)) == vmstat::present_name(field),
                  "a present name stays");
    const auto event = event_of(field);
    fuzz::require(sums.add(field, value) == !event.empty(), "a zone's field is taken");
    if (event.empty() || !seen.insert(std::string(field)).second) return true;
    auto& sum = expected.try_emplace(event, 0).first->second;
    if (!value || !sum || *sum > UINT64_MAX - *value) {
      sum.reset();
    } else {
      *sum += *value;
    }
    return true;
  });
  Sums known;
  sums.for_each([&](std::string_view event, std::uint64_t sum) {
    fuzz::require(known.try_emplace(std::string(event), sum).second, "an event has one sum");
  });
  std::erase_if(expected, [](const auto& entry) { return !entry.second; });
  fuzz::require(known == expected, "a sum is that of its zones, or absent");
  return 0;
}
