#include "config/suggest.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <vector>

namespace memory_exporter::config {
namespace {

char folded(char c) {
  if (c == '_' || c == '.') return '-';
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

/// Levenshtein's distance: insertions, deletions and replacements from `a` to `b`.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (folded(a[i]) == folded(b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j + 1] + 1, row[j] + 1, replaced});
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
