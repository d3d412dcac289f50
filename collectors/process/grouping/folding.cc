#include "collectors/process/grouping/folding.h"

#include <algorithm>
#include <numeric>

namespace memory_exporter::process {
namespace {

/// How much larger than a group that is shown another one must be to take its place.
constexpr double hysteresis = 1.25;

bool is_weaker(const Contender& a, const Contender& b) {
  if (a.alive != b.alive) return b.alive;
  if (!a.alive) return a.last_used < b.last_used;
  return a.size < b.size;
}

bool outweighs(const Contender& challenger, const Contender& shown) {
  if (!shown.alive) return challenger.alive;
  return static_cast<double>(challenger.size.value) >
         hysteresis * static_cast<double>(shown.size.value);
}

}  // namespace

std::vector<bool> choose_shown(const std::vector<Contender>& groups, std::size_t places) {
  std::vector<std::size_t> strongest_first(groups.size());
  std::iota(strongest_first.begin(), strongest_first.end(), std::size_t{0});
  std::stable_sort(strongest_first.begin(), strongest_first.end(),
                   [&](std::size_t a, std::size_t b) { return is_weaker(groups[b], groups[a]); });

  std::vector<std::size_t> holders;      // of the places, strongest first
  std::vector<std::size_t> challengers;  // strongest first
  for (const auto index : strongest_first) {
    const bool holds = groups[index].shown && holders.size() < places;
    if (holds) {
      holders.push_back(index);
    } else if (!groups[index].shown) {
      challengers.push_back(index);
    }
  }

  std::vector<bool> shown(groups.size());
  for (const auto index : holders) shown[index] = true;
  std::size_t taken = holders.size();
  for (const auto index : challengers) {
    if (taken < places) {
      ++taken;
    } else if (!holders.empty() && outweighs(groups[index], groups[holders.back()])) {
      shown[holders.back()] = false;
      holders.pop_back();
    } else {
      break;  // those that follow are no larger, and the remaining holders no smaller
    }
    shown[index] = true;
  }
  return shown;
}

}  // namespace memory_exporter::process
