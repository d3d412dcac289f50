#include "collectors/process/grouping/group_totals.h"

#include <algorithm>
#include <cstdint>

namespace memory_exporter::process {
namespace {

void count_unmeasured(GroupTotals& totals, Unmeasured reason, Bytes amount) {
  totals.unmeasured[static_cast<std::size_t>(reason)] += amount;
}

/// Samples add up only where all have the field: a walk through pagemap does not see everything
/// that smaps_rollup prints, and a sum without it would be too small.
void add_sample(GroupTotals& totals, const Process& process, Clock::time_point now) {
  const auto& sample = *process.readings.sample;
  OptionalBytes swap_shmem;
  if (sample.memory.swap && process.status.swap) {
    swap_shmem = saturating_subtract(*sample.memory.swap, sample.then.swap);
  }
  if (!totals.oldest_sample_seconds) {
    totals.memory = sample.memory;
    totals.uss = sample.uss;
    totals.swap_shmem = swap_shmem;
  } else {
    procfs::add_complete(totals.memory, sample.memory);
    add_complete(totals.uss, sample.uss);
    add_complete(totals.swap_shmem, swap_shmem);
  }
  count_unmeasured(totals, Unmeasured::stale,
                   saturating_subtract(process.resident(), sample.then.resident));
  const double age = std::chrono::duration<double>(now - sample.began).count();
  totals.oldest_sample_seconds = std::max(totals.oldest_sample_seconds.value_or(0.0), age);
}

void raise(std::optional<double>& worst, const OptionalBytes& used, const OptionalBytes& limit) {
  if (!used || !limit || limit->value == 0) return;
  const double usage = static_cast<double>(used->value) / static_cast<double>(limit->value);
  worst = std::max(worst.value_or(0.0), usage);
}

/// `first`: of its group.
void add_limits(GroupTotals& totals, const Process& process, bool first) {
  std::optional<std::uint64_t> mappings;
  if (process.readings.limits && process.readings.limits->found) {
    const auto& limits = process.readings.limits->found->limits;
    const auto& status = process.status;
    raise(totals.limit_usage.stack, status.stack, limits.stack);
    raise(totals.limit_usage.data, status.data, limits.data);
    raise(totals.limit_usage.address_space, status.virtual_size, limits.address_space);
    raise(totals.limit_usage.locked, status.locked, limits.locked);
    mappings = process.readings.limits->found->mappings;
  }
  totals.most_mappings = std::max(totals.most_mappings, mappings);
  if (first) {
    totals.mappings = mappings;
  } else {
    add_complete(totals.mappings, mappings);
  }
}

void add_mappings(MappingSums& sums, const Process& process, Clock::time_point now) {
  if (!process.readings.mappings || !process.readings.mappings->found) {
    sums.unmeasured += process.resident();
    return;
  }
  if (!sums.totals) sums.totals.emplace();
  sums.totals->add(process.readings.mappings->found->totals);
  const double age = std::chrono::duration<double>(now - process.readings.mappings->began).count();
  sums.oldest_seconds = std::max(sums.oldest_seconds.value_or(0.0), age);
}

}  // namespace

Unmeasured why_unmeasured(const Process& process) {
  if (process.stuck) return Unmeasured::stuck;
  if (process.readings.denied_at) return Unmeasured::denied;
  return process.readings.unsupported_at ? Unmeasured::unsupported : Unmeasured::pending;
}

void count_process(GroupTotals& totals, const Process& process, Clock::time_point now) {
  ++totals.processes;
  totals.threads += process.threads;
  totals.oldest_start = std::min(totals.oldest_start.value_or(UINT64_MAX), process.id.start_time);
  totals.oom_score = std::max(totals.oom_score, process.oom_score);
  if (process.memory_owner) return;  // its mm is its parent's, and counted there
  procfs::add(totals.status, process.status);
  // What it had when it could last be read is older than anything that was ever promised.
  if (process.readings.sample && !process.stuck) {
    add_sample(totals, process, now);
  } else {
    count_unmeasured(totals, why_unmeasured(process), process.resident());
  }
  add_limits(totals, process, ++totals.address_spaces == 1);
  add_mappings(totals.regions, process, now);
}

}  // namespace memory_exporter::process
