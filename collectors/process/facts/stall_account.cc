#include "collectors/process/facts/stall_account.h"

#include <algorithm>

namespace memory_exporter::process {
namespace {

using std::chrono::nanoseconds;
using Product = std::chrono::duration<double, std::nano>;

constexpr nanoseconds longest_rest = std::chrono::years(1);

/// A hold ends for a target when all that waited for its lock are running again.
constexpr double hold_and_wake = 1.25;

/// A walk in small parts takes the target's lock again and again. All parts together hold it for
/// the smaller share of the time, as long as nobody's figures become older than this by it; else
/// for the larger share.
constexpr double lock_share = 0.02;
constexpr double most_lock_share = 0.04;
constexpr nanoseconds unhurried = std::chrono::seconds(5);

nanoseconds times(nanoseconds time, double factor) {
  return std::chrono::duration_cast<nanoseconds>(
      std::min<Product>(Product(time) * factor, longest_rest));
}

}  // namespace

void ReadCost::add(const ReadCost& part) {
  cpu += part.cpu;
  longest_hold = std::max(longest_hold, part.longest_hold);
  stalled += part.stalled;
}

nanoseconds rest_after(WalkMethod method, const ReadCost& cost, double stall_budget) {
  const double factor = hold_and_wake / stall_budget;
  if (method == WalkMethod::rollup) return times(std::max(cost.longest_hold, cost.stalled), factor);
  return std::max({times(cost.longest_hold, factor),
                   std::min(unhurried, times(cost.cpu, 1 / lock_share)),
                   times(cost.cpu, 1 / most_lock_share)});
}

void StallAccount::book(WalkMethod method, const ReadCost& cost, double stall_budget,
                        Clock::time_point began) {
  auto& until = rests_until_[static_cast<std::size_t>(method)];
  const auto rest = rest_after(method, cost, stall_budget);
  until = std::min(std::max(until, began) + rest, began + longest_rest);
}

void StallAccount::stretch(double factor, Clock::time_point now) {
  auto& until = rests_until_[static_cast<std::size_t>(WalkMethod::rollup)];
  if (until > now) until = now + times(until - now, factor);
}

void StallAccount::merge(const StallAccount& other) {
  for (std::size_t method = 0; method < rests_until_.size(); ++method) {
    rests_until_[method] = std::max(rests_until_[method], other.rests_until_[method]);
  }
}

}  // namespace memory_exporter::process
