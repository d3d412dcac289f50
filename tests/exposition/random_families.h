#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/exposition/round_trip.h"

namespace memory_exporter::testing {

/// Makes families at random; the same seed makes the same on every machine (the distributions of
/// the standard library would not).
class RandomFamilies {
 public:
  explicit RandomFamilies(std::uint64_t seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  std::uint64_t bits() { return random_() >> below(64); }  ///< any magnitude

  /// Any bytes, with those that matter more often than others.
  std::string bytes() {
    static const std::vector<std::string> pieces = {"\\",
                                                    "\"",
                                                    "\n",
                                                    "\\n",
                                                    "\\\\",
                                                    "{",
                                                    "}",
                                                    ",",
                                                    "=",
                                                    " ",
                                                    "#",
                                                    std::string(1, '\0'),
                                                    "\r",
                                                    "a",
                                                    "kubepods",
                                                    "\xC3\xA9",
                                                    "\xE2\x82\xAC",
                                                    "\xF0\x9F\x90\xA7",
                                                    "\xEF\xBF\xBD",
                                                    "\xFF",
                                                    "\x80",
                                                    "\xC3",
                                                    "\xE2\x82",
                                                    "\xF0\x9F\x90",
                                                    "\xED\xA0\x80",
                                                    "\xC0\xAF"};
    return joined(pieces, true);
  }

  /// Valid UTF-8 that needs escapes.
  std::string text() {
    static const std::vector<std::string> pieces = {"\\",
                                                    "\"",
                                                    "\n",
                                                    "\\n",
                                                    "{",
                                                    "}",
                                                    ",",
                                                    "=",
                                                    " ",
                                                    "#",
                                                    "a",
                                                    "postgres: writer",
                                                    "\xC3\xA9",
                                                    "\xE2\x82\xAC",
                                                    "\xF0\x9F\x90\xA7"};
    return joined(pieces, false);
  }

  /// HELP that needs no escape in any format.
  std::string plain() {
    static const std::vector<std::string> pieces = {
        "Resident", " ", "/proc/PID/status", "; ", "(kind=anon)", "\xC3\xA9", "#"};
    return "Help " + joined(pieces, false);
  }

  /// A whole number below 1e16 that a double holds: above 2^53 that is every second one.
  Value small_integer() {
    auto magnitude = bits() % 10'000'000'000'000'000;
    if (magnitude > (std::uint64_t{1} << 53)) magnitude &= ~std::uint64_t{1};
    switch (below(4)) {
      case 0:
        return Value(-static_cast<std::int64_t>(magnitude));
      case 1:
        return Value(static_cast<double>(magnitude));
      case 2:
        return Value(Bytes{magnitude});
      default:
        return Value(magnitude);
    }
  }

  Value any_value() {
    switch (below(6)) {
      case 0:
        return Value(static_cast<std::int64_t>(bits() ^ (below(2) == 0 ? 0 : UINT64_MAX)));
      case 1:
        return Value(static_cast<double>(bits()) / static_cast<double>(bits() + 1));
      case 2:
        return Value(
            -std::ldexp(static_cast<double>(bits()), static_cast<int>(below(2000)) - 1000));
      case 3:
        return special();
      default:
        return Value(bits());
    }
  }

  /// Families of distinct names with distinct label sets; some have no samples.
  template <typename MakeValue, typename MakeLabel, typename MakeHelp>
  std::vector<OwnedFamily> families(MakeValue&& make_value, MakeLabel&& make_label,
                                    MakeHelp&& make_help) {
    static const std::vector<std::string> units = {"", "_bytes", "_seconds", "_ratio", "_unit"};
    std::vector<OwnedFamily> families(below(8));
    for (std::size_t i = 0; i < families.size(); ++i) {
      auto& family = families[i];
      family.type = below(2) == 0 ? MetricType::gauge : MetricType::counter;
      family.name = "memory_" + std::to_string(i) + units[below(units.size())] +
                    (family.type == MetricType::counter ? "_total" : "");
      family.help = make_help();
      const auto samples = below(8);
      for (std::size_t k = 0; k < samples; ++k) {
        // The first label tells the samples apart, whatever the others come out as.
        std::vector<std::pair<std::string, std::string>> labels = {{"index", std::to_string(k)}};
        for (auto more = below(4); more > 0; --more) {
          labels.emplace_back("label_" + std::to_string(more), make_label());
        }
        family.samples.push_back({std::move(labels), make_value()});
      }
    }
    return families;
  }

 private:
  Value special() {
    using limits = std::numeric_limits<double>;
    switch (below(6)) {
      case 0:
        return Value(limits::quiet_NaN());
      case 1:
        return Value(limits::infinity());
      case 2:
        return Value(-limits::infinity());
      case 3:
        return Value(limits::denorm_min());
      case 4:
        return Value(-0.0);
      default:
        return Value(UINT64_MAX);
    }
  }

  std::string joined(const std::vector<std::string>& pieces, bool with_any_byte) {
    std::string out;
    for (auto count = below(12); count > 0; --count) {
      if (with_any_byte && below(4) == 0) {
        out += static_cast<char>(below(256));
      } else {
        out += pieces[below(pieces.size())];
      }
    }
    return out;
  }

  std::mt19937_64 random_;
};

}  // namespace memory_exporter::testing
