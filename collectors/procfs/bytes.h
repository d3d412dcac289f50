#pragma once

#include <compare>
#include <cstdint>
#include <optional>

namespace memory_exporter {

/// An amount of memory in bytes. The kernel prints kB (1,024 bytes) or pages; a parser converts
/// once, at its edge, and nothing above it ever multiplies again.
struct Bytes {
  std::uint64_t value = 0;

  static constexpr Bytes from_kib(std::uint64_t kib) { return Bytes{kib * 1024}; }

  constexpr auto operator<=>(const Bytes&) const = default;
  constexpr Bytes& operator+=(Bytes other) {
    value += other.value;
    return *this;
  }
  friend constexpr Bytes operator+(Bytes a, Bytes b) { return Bytes{a.value + b.value}; }
};

/// a - b, or 0 where b is larger: for figures that the kernel reads at slightly different moments.
constexpr Bytes saturating_subtract(Bytes a, Bytes b) {
  return a > b ? Bytes{a.value - b.value} : Bytes{};
}

/// Adds a figure that may be unknown: unknown adds nothing, and a sum of unknowns stays unknown.
template <typename T>
constexpr void add_known(std::optional<T>& sum, const std::optional<T>& figure) {
  if (!figure) return;
  if (sum) {
    *sum += *figure;
  } else {
    sum = figure;
  }
}

/// Adds a figure to a sum that is nothing without it: unknown on either side makes it unknown.
template <typename T>
constexpr void add_complete(std::optional<T>& sum, const std::optional<T>& figure) {
  if (sum && figure) {
    *sum += *figure;
  } else {
    sum.reset();
  }
}

}  // namespace memory_exporter
