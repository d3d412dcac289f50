#pragma once

#include <compare>
#include <concepts>
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

/// An amount that may be unknown, with what std::optional<Bytes> offers in half the room: a process
/// has 43 of them. 2^64 - 1 bytes, which no kernel prints, stand for unknown.
class OptionalBytes {
 public:
  using value_type = Bytes;

  constexpr OptionalBytes() = default;
  constexpr OptionalBytes(std::nullopt_t) {}
  constexpr OptionalBytes(Bytes amount) : amount_(amount) {}

  constexpr bool has_value() const { return amount_ != unknown; }
  constexpr explicit operator bool() const { return has_value(); }
  constexpr Bytes& operator*() { return amount_; }
  constexpr const Bytes& operator*() const { return amount_; }
  constexpr const Bytes* operator->() const { return &amount_; }
  constexpr Bytes value() const { return has_value() ? amount_ : throw std::bad_optional_access(); }
  constexpr Bytes value_or(Bytes other) const { return has_value() ? amount_ : other; }
  constexpr void reset() { amount_ = unknown; }

  friend constexpr bool operator==(const OptionalBytes&, const OptionalBytes&) = default;
  /// Would compare an amount with an optional as a whole, and find unknown and unknown different.
  template <std::same_as<std::optional<Bytes>> Other>
  friend constexpr bool operator==(const OptionalBytes&, const Other&) = delete;
  /// Unknown is less than any amount.
  friend constexpr auto operator<=>(const OptionalBytes& a, const OptionalBytes& b) {
    return a.amount_.value + 1 <=> b.amount_.value + 1;
  }

 private:
  static constexpr Bytes unknown{~std::uint64_t{0}};
  Bytes amount_ = unknown;
};

/// Adds a figure that may be unknown, in either kind of optional: unknown adds nothing, and a sum
/// of unknowns stays unknown.
template <typename Optional>
constexpr void add_known(Optional& sum, const Optional& figure) {
  if (!figure) return;
  if (sum) {
    *sum += *figure;
  } else {
    sum = figure;
  }
}

/// Adds a figure to a sum that is nothing without it: unknown on either side makes it unknown.
template <typename Optional>
constexpr void add_complete(Optional& sum, const Optional& figure) {
  if (sum && figure) {
    *sum += *figure;
  } else {
    sum.reset();
  }
}

}  // namespace memory_exporter
