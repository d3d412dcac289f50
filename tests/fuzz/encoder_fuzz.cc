// Whatever the labels, HELP and values: both formats read back as what went in.
#include <fuzzer/FuzzedDataProvider.h>

#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include "tests/exposition/round_trip.h"
#include "tests/fuzz/fuzz.h"

using namespace memory_exporter;

namespace {

Value make_value(FuzzedDataProvider& input, MetricType type) {
  const auto bits = input.ConsumeIntegral<std::uint64_t>();
  switch (input.ConsumeIntegralInRange(0, 2)) {
    case 0:
      return Value(bits);
    case 1:
      if (type == MetricType::counter) return Value(static_cast<std::int64_t>(bits >> 1));
      return Value(static_cast<std::int64_t>(bits));
    default:
      const auto number = std::bit_cast<double>(bits);
      if (type == MetricType::counter && std::isnan(number)) return Value(0.5);
      return Value(type == MetricType::counter ? std::abs(number) : number);
  }
}

std::vector<testing::OwnedFamily> make_families(FuzzedDataProvider& input) {
  static constexpr const char* units[] = {"", "_bytes", "_seconds", "_ratio", "_kib"};
  std::vector<testing::OwnedFamily> families(input.ConsumeIntegralInRange<std::size_t>(0, 4));
  for (std::size_t i = 0; i < families.size(); ++i) {
    auto& family = families[i];
    family.type = input.ConsumeBool() ? MetricType::counter : MetricType::gauge;
    family.name = "memory_" + std::to_string(i) + input.PickValueInArray(units) +
                  (family.type == MetricType::counter ? "_total" : "");
    family.help = input.ConsumeRandomLengthString();
    for (auto samples = input.ConsumeIntegralInRange(0, 4); samples > 0; --samples) {
      std::vector<std::pair<std::string, std::string>> labels = {{"i", std::to_string(samples)}};
      for (auto more = input.ConsumeIntegralInRange(0, 3); more > 0; --more) {
        labels.emplace_back("l" + std::to_string(more), input.ConsumeRandomLengthString());
      }
      family.samples.push_back({std::move(labels), make_value(input, family.type)});
    }
  }
  return families;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  const auto families = make_families(input);
  for (const auto format : {exposition::Format::text, exposition::Format::open_metrics}) {
    const auto difference = testing::round_trip_difference(format, families);
    fuzz::require(difference.empty(), difference.c_str());
  }
  return 0;
}
