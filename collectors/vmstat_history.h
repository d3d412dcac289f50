#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "collectors/base/bytes.h"

/// What fields of /proc/vmstat were on older kernels (kernel: mm/vmstat.c, vmstat_text).
namespace memory_exporter::vmstat {

/// The present name of a field that counts the same. kswapd_steal: before 3.5. thp_split: before
/// 4.5.
constexpr std::string_view present_name(std::string_view field) {
  if (field == "kswapd_steal") return "pgsteal_kswapd";
  if (field == "thp_split") return "thp_split_page";
  return field;
}

/// Adds up what the kernel counts in each zone. Scans and steals by kswapd and by direct reclaim:
/// until 4.7 (steals since 3.5). Stalls: since 4.8, whose change says that their sum is what
/// allocstall was.
class ZoneSums {
 public:
  struct Sum {
    std::string_view event;
    std::optional<std::uint64_t> value;
  };

  /// Takes a field of such an event, "pgscan_kswapd_dma32"; false for any other, as
  /// pgscan_direct_throttle. A zone printed twice keeps its first value, and one whose value is
  /// not known leaves the sum unknown.
  bool add(std::string_view field, std::optional<std::uint64_t> value) {
    for (auto& [sum, seen] : events_) {
      if (!field.starts_with(sum.event)) continue;
      const auto zone = zone_of(field.substr(sum.event.size()));
      if (!zone) continue;
      if (!begun(seen)) sum.value = 0;
      if (!seen[*zone]) add_complete(sum.value, value);
      seen[*zone] = true;
      return true;
    }
    return false;
  }

  /// Calls `visit(event, sum)` for each event that was there and whose sum is known.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    for (const auto& [sum, seen] : events_) {
      if (sum.value) visit(sum.event, *sum.value);
    }
  }

 private:
  static constexpr std::array<std::string_view, 6> zones = {"_dma",  "_dma32",   "_normal",
                                                            "_high", "_movable", "_device"};
  using Seen = std::array<bool, zones.size()>;

  struct Event {
    Sum sum;
    Seen seen{};
  };

  static constexpr std::optional<std::size_t> zone_of(std::string_view rest) {
    for (std::size_t i = 0; i < zones.size(); ++i) {
      if (rest == zones[i]) return i;
    }
    return std::nullopt;
  }

  static constexpr bool begun(const Seen& seen) {
    for (const bool zone : seen) {
      if (zone) return true;
    }
    return false;
  }

  std::array<Event, 5> events_ = {{{{"allocstall", {}}, {}},
                                   {{"pgscan_direct", {}}, {}},
                                   {{"pgscan_kswapd", {}}, {}},
                                   {{"pgsteal_direct", {}}, {}},
                                   {{"pgsteal_kswapd", {}}, {}}}};
};

}  // namespace memory_exporter::vmstat
