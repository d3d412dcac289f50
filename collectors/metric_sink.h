#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>
#include <variant>

#include "collectors/base/bytes.h"

namespace memory_exporter {

enum class MetricType { gauge, counter };

/// A metric family: what HELP, TYPE and UNIT say. The strings are constants of the collector that
/// owns the family; no path, version or host name belongs in HELP.
struct Family {
  std::string_view name;  ///< whole, with its unit, and `_total` where it is a counter
  MetricType type = MetricType::gauge;
  std::string_view help;  ///< names the source file and field, and the caveat
  /// The name's last word before `_total` where that is a unit (bytes, seconds, ratio): derived,
  /// because OpenMetrics refuses a UNIT that is not the name's suffix.
  std::string_view unit() const;
};

struct Label {
  std::string_view name;
  std::string_view value;  ///< any bytes; the encoder escapes and repairs
};

/// A sample's value. Integers stay integers on the wire, above 2^53 too.
class Value {
 public:
  using Content = std::variant<std::uint64_t, std::int64_t, double>;

  Value(std::unsigned_integral auto value) : content_(std::uint64_t{value}) {}  // NOLINT: implicit
  Value(std::signed_integral auto value) : content_(std::int64_t{value}) {}     // NOLINT
  Value(double value) : content_(value) {}                                      // NOLINT
  Value(Bytes bytes) : content_(bytes.value) {}                                 // NOLINT

  const Content& content() const { return content_; }

 private:
  Content content_;
};

/// Where collectors write. Families come one after another, each whole: family(), then its samples.
/// A family without samples leaves no trace. What could not be read is simply not written.
class MetricSink {
 public:
  virtual ~MetricSink() = default;

  virtual void family(const Family& family) = 0;
  virtual void sample(std::span<const Label> labels, Value value) = 0;

  void sample(Value value) { sample(std::span<const Label>{}, value); }
  void sample(std::initializer_list<Label> labels, Value value) {
    sample(std::span<const Label>(labels.begin(), labels.size()), value);
  }
};

}  // namespace memory_exporter
