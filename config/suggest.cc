#include "config/suggest.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <utility>
#include <vector>

namespace memory_exporter::config {
namespace {

char folded(char c) {
  if (c == '_' || c == '.') return '-';
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

/// How many letters have to be put in, left out, replaced or swapped with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
  // Rows of the usual table: for one letter less of `a`, and for two less.
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  std::vector<std::size_t> above;
  std::vector<std::size_t> two_above;
  for (std::size_t i = 0; i < a.size(); ++i) {
    two_above = std::exchange(above, row);
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const bool same = folded(a[i]) == folded(b[j]);
      row[j + 1] = std::min({above[j + 1] + 1, row[j] + 1, above[j] + (same ? 0 : 1)});
      const bool swapped =
          i > 0 && j > 0 && folded(a[i]) == folded(b[j - 1]) && folded(a[i - 1]) == folded(b[j]);
      if (swapped) row[j + 1] = std::min(row[j + 1], two_above[j - 1] + 1);
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view name,
                                        std::span<const std::string_view> candidates) {
  // No flag or key is this long; a longer word is not worth the quadratic comparison.
  constexpr std::size_t longest = 80;
  if (name.size() > longest) return std::nullopt;
  std::optional<std::string_view> best;
  std::size_t best_distance = std::max<std::size_t>(1, name.size() / 3) + 1;
  for (const auto candidate : candidates) {
    const auto d = distance(name, candidate);
    if (d < best_distance) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view name, std::span<const std::string_view> candidates) {
  const auto near = nearest(name, candidates);
  if (!near) return {};
  return " (did you mean " + std::string(*near) + "?)";
}

}  // namespace memory_exporter::config
