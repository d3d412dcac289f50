#pragma once

#include <span>
#include <string>
#include <string_view>

#include "collectors/metric_sink.h"

#ifndef NDEBUG
#include <set>
#endif

namespace memory_exporter::exposition {

/// The formats on the wire.
enum class Format {
  text,          ///< Prometheus text 0.0.4
  open_metrics,  ///< OpenMetrics 1.0.0
};

/// Writes families as they come, straight behind what `out` already holds. The caller owns `out`
/// and keeps it from one scrape to the next: once it has grown to the size of an exposition,
/// nothing here allocates. About 0.1 us a sample.
///
/// - Every label value and HELP is escaped and comes out as valid UTF-8, whatever bytes went in.
///   Metric and label names are the collectors' constants and are written as they are.
/// - Integers are exact at any size. Doubles are the shortest text that reads back as the same
///   double; whole ones below 1e16 are without exponent.
/// - OpenMetrics names a counter's family without `_total` and each of its samples with it, and has
///   UNIT lines. Text 0.0.4 uses the whole name for both.
/// - A family without samples leaves no trace.
///
/// A family is never split or repeated: family() with a name that was there before is a mistake of
/// the caller (two collectors claiming one name), caught by an assertion in debug builds.
class Encoder final : public MetricSink {
 public:
  Encoder(Format format, std::string& out) : format_(format), out_(out) {}

  void family(const Family& family) override;
  void sample(std::span<const Label> labels, Value value) override;
  using MetricSink::sample;

  /// Ends the exposition (OpenMetrics: `# EOF`). To be called once, after the last family.
  void finish();

 private:
  void drop_empty_family();

  const Format format_;
  std::string& out_;
  std::string sample_name_;
  std::size_t family_start_ = 0;  ///< where the current family's HELP begins in out_
  bool family_is_empty_ = false;
#ifndef NDEBUG
  std::set<std::string, std::less<>> families_seen_;
#endif
};

}  // namespace memory_exporter::exposition
