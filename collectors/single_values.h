#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "collectors/metric_sink.h"
#include "collectors/procfs/reader.h"
#include "collectors/read_file.h"

namespace memory_exporter {

/// A file that holds one number (a sysctl, a sysfs attribute), the family whose only sample that
/// number is, and how to make it the family's unit.
struct SingleValue {
  Family family;
  const char* path;
  std::optional<Value> (*value)(std::uint64_t);
};

std::optional<Value> plain_number(std::uint64_t number);
/// A number of pages: nothing where no machine can have so many (see procfs/plausible.h).
std::optional<Value> page_count(std::uint64_t number);
/// Nothing where no machine can have so much (see procfs/plausible.h), which a setting may say.
std::optional<Value> bytes_from_bytes(std::uint64_t number);
std::optional<Value> bytes_from_kib(std::uint64_t number);
std::optional<Value> ratio_from_percent(std::uint64_t number);
std::optional<Value> seconds_from_milliseconds(std::uint64_t number);

/// What such files hold, read now and written later. Costs about 4 us a file.
class SingleValues {
 public:
  /// `rows` must outlive the object. A file that is missing or cannot be read leaves its family
  /// without a sample.
  static SingleValues read(const procfs::Tree& tree, std::span<const SingleValue> rows,
                           ReadErrors& errors);

  void write(MetricSink& sink) const;

 private:
  explicit SingleValues(std::span<const SingleValue> rows) : rows_(rows) {}

  std::span<const SingleValue> rows_;
  std::vector<std::optional<std::uint64_t>> numbers_;
};

/// The number in one file.
std::optional<std::uint64_t> read_number(const procfs::Tree& tree, const FileName& file,
                                         ReadErrors& errors);

/// The state that the number in one file stands for. `state_of` is how the kernel reads the number,
/// any that it may hold: an index into the states.
std::optional<std::size_t> read_state(const procfs::Tree& tree, const FileName& file,
                                      ReadErrors& errors,
                                      std::optional<std::size_t> (*state_of)(std::int64_t));

/// Puts the families of several tables into one, at compile time.
template <std::size_t... Sizes>
constexpr auto join_families(const std::array<Family, Sizes>&... tables) {
  std::array<Family, (Sizes + ...)> all{};
  std::size_t next = 0;
  const auto append = [&](const auto& table) {
    for (const auto& family : table) all[next++] = family;
  };
  (append(tables), ...);
  return all;
}

/// The families of a table whose rows have one each.
template <typename Row, std::size_t Size>
constexpr auto families_of(const Row (&rows)[Size]) {
  std::array<Family, Size> all{};
  for (std::size_t i = 0; i < Size; ++i) all[i] = rows[i].family;
  return all;
}

}  // namespace memory_exporter
