#include "daemon/http/eviction.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

namespace memory_exporter::eviction {
std::vector<std::size_t> heads_to_cut(std::span<const Head> heads, std::size_t wanted,
                                      std::chrono::nanoseconds silent_grace) {
  std::map<std::string_view, std::size_t> of_address;
  for (const auto& head : heads) ++of_address[head.address];

  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < heads.size(); ++i) {
    const auto grace = heads[i].begun ? std::chrono::nanoseconds(begun_grace) : silent_grace;
    if (heads[i].age >= grace) chosen.push_back(i);
  }
  std::sort(chosen.begin(), chosen.end(), [&](std::size_t left, std::size_t right) {
    const auto &a = heads[left], &b = heads[right];
    const auto a_has = of_address[a.address], b_has = of_address[b.address];
    if (a_has != b_has) return a_has > b_has;
    if (a.begun != b.begun) return a.begun;
    return a.age > b.age;
  });
  chosen.resize(std::min(chosen.size(), wanted));
  return chosen;
}

std::vector<std::size_t> replies_to_cut(std::span<const Reply> replies, Room room) {
  std::vector<std::size_t> oldest_first(replies.size());
  std::iota(oldest_first.begin(), oldest_first.end(), std::size_t{0});
  std::sort(oldest_first.begin(), oldest_first.end(), [&](std::size_t left, std::size_t right) {
    return replies[left].age > replies[right].age;
  });
  std::vector<std::size_t> chosen;
  std::set<const void*> bodies;
  std::size_t places = 0;
  std::size_t bytes = 0;
  for (const auto i : oldest_first) {
    const auto& reply = replies[i];
    const auto more = bodies.contains(reply.body) ? 0 : reply.size;
    const bool fits = bodies.empty() || bytes + more <= room.bytes;
    if (reply.rate >= least_rate && places < room.places && fits) {
      bodies.insert(reply.body);
      ++places;
      bytes += more;
    } else if (reply.age >= quick) {
      chosen.push_back(i);
    }
  }
  std::stable_sort(chosen.begin(), chosen.end(), [&](std::size_t left, std::size_t right) {
    return replies[left].rate < replies[right].rate;
  });
  return chosen;
}

}  // namespace memory_exporter::eviction
