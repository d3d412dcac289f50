#include "collectors/process/table/look_alikes.h"

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "collectors/process/table/memory_figures.h"

namespace memory_exporter::process {
namespace {

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9e3779b97f4a7c15;
  return hash ^ (hash >> 32);
}

std::uint64_t mix(std::uint64_t hash, const OptionalBytes& figure) {
  return mix(hash, figure ? figure->value : ~std::uint64_t{0});
}

/// What processes on one mm have in common, whenever it is read.
std::uint64_t lasting_figures(const Process& process) {
  auto hash = mix(mix(0, process.image.start_code), process.image.start_stack);
  hash = mix(hash, process.status.text);
  return mix(hash, process.status.virtual_peak);
}

std::uint64_t all_figures(const Process& process) {
  std::uint64_t hash = 0;
  for (const auto figure : memory_figures) hash = mix(hash, process.status.*figure);
  return hash;
}

bool may_not_be_compared(const Process& process) {
  return process.kin.compared != Compared::done;
}

bool may_borrow(const Process& process) {
  return is_countable(process) && process.forked && !process.kin.shared;
}

bool contains(const std::vector<std::uint64_t>& sorted, std::uint64_t value) {
  return std::binary_search(sorted.begin(), sorted.end(), value);
}

struct LookAlike {
  std::uint64_t lasting;
  std::uint64_t all;
  const Process* process;
};

/// How many there are, and of how many of them kcmp says nothing.
struct Tally {
  std::size_t all = 0;
  std::size_t refused = 0;

  void add(const Process& process) {
    ++all;
    refused += may_not_be_compared(process);
  }
  /// Whether they are more than `process` alone, kcmp having no say between it and them.
  bool has_other_than(const Process& process, bool is_among_them) const {
    const std::size_t itself = is_among_them ? 1 : 0;
    return may_not_be_compared(process) ? all > itself : refused > 0;
  }
};

/// Of those with the same lasting figures.
std::uint64_t count_among(std::span<const LookAlike> alike) {
  Tally everyone;
  Tally moved;
  for (const auto& one : alike) {
    everyone.add(*one.process);
    if (one.process->memory_moved) moved.add(*one.process);
  }
  std::uint64_t count = 0;
  for (auto first = alike.begin(); first != alike.end();) {
    const auto last = std::find_if(first, alike.end(),
                                   [&](const LookAlike& one) { return one.all != first->all; });
    Tally equal;
    for (auto one = first; one != last; ++one) equal.add(*one->process);
    for (; first != last; ++first) {
      const auto& process = *first->process;
      if (!may_borrow(process)) continue;
      count += process.memory_moved
                   ? everyone.has_other_than(process, true)
                   : equal.has_other_than(process, true) || moved.has_other_than(process, false);
    }
  }
  return count;
}

}  // namespace

std::uint64_t count_look_alikes(const std::unordered_map<pid_t, Process>& processes) {
  // One of two that kcmp says nothing of was refused.
  std::vector<std::uint64_t> of_refused;
  for (const auto& [pid, process] : processes) {
    if (is_countable(process) && may_not_be_compared(process)) {
      of_refused.push_back(lasting_figures(process));
    }
  }
  if (of_refused.empty()) return 0;
  std::sort(of_refused.begin(), of_refused.end());
  std::vector<std::uint64_t> wanted;
  for (const auto& [pid, process] : processes) {
    if (!may_borrow(process)) continue;
    const auto lasting = lasting_figures(process);
    if (contains(of_refused, lasting)) wanted.push_back(lasting);
  }
  if (wanted.empty()) return 0;
  std::sort(wanted.begin(), wanted.end());
  std::vector<LookAlike> found;
  for (const auto& [pid, process] : processes) {
    if (!is_countable(process)) continue;
    const auto lasting = lasting_figures(process);
    if (contains(wanted, lasting)) found.push_back({lasting, all_figures(process), &process});
  }
  std::sort(found.begin(), found.end(), [](const LookAlike& a, const LookAlike& b) {
    return a.lasting != b.lasting ? a.lasting < b.lasting : a.all < b.all;
  });
  std::uint64_t count = 0;
  for (auto first = found.begin(); first != found.end();) {
    const auto last = std::find_if(
        first, found.end(), [&](const LookAlike& one) { return one.lasting != first->lasting; });
    count += count_among({first, last});
    first = last;
  }
  return count;
}

}  // namespace memory_exporter::process
