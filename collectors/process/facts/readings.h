#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "collectors/base/bytes.h"
#include "collectors/base/result.h"
#include "collectors/process/facts/clock.h"
#include "collectors/process/facts/mapping_totals.h"
#include "collectors/process/facts/stall_account.h"
#include "collectors/procfs/limits.h"
#include "collectors/procfs/smaps_rollup.h"

namespace memory_exporter::process {

/// A read that was refused, or found no such thing, is tried again in the collections that follow,
/// because it may have met a moment: an exec, a figure that was not there yet. After so many in a
/// row it is taken to be so for good, and tried once in a max_age.
inline constexpr unsigned tries_in_a_row = 3;

/// What a walk of a process's page tables found.
struct MemoryFound {
  procfs::SmapsRollup memory;
  OptionalBytes uss;  ///< known from pagemap too, which does not tell clean from dirty
  /// CPU time that smaps_rollup takes for it: measured, or added up from the pages that were found.
  std::chrono::nanoseconds rollup_cost{};
  bool has_odd_lines = false;  ///< figures were left absent that had another form
};

/// What a process may take, and how many VMAs it has. Two files: what one of them does not say is
/// absent, and the other stands.
struct LimitsFound {
  procfs::Limits limits;
  std::optional<std::uint64_t> mappings;  ///< without a gate, which is none
  std::optional<ErrorKind> limits_failed{};
  std::optional<ErrorKind> mappings_failed{};
};

/// What a process has mapped, and which of the files is its program.
struct MappingsFound {
  MappingTotals totals;
  std::optional<procfs::MappedFile> program;  ///< where it is known, and not guessed
  std::optional<ErrorKind> program_failed{};  ///< why it could not be asked for
};

/// What the table knew of a process when one of its samples was taken.
struct Figures {
  Bytes resident;             ///< status VmRSS
  Bytes swap;                 ///< status VmSwap
  std::uint64_t faults = 0;   ///< minor + major
  std::uint64_t sharers = 0;  ///< as in Process
  bool operator==(const Figures&) const = default;
};

/// A walk that counted, because the process was the same before and after it.
struct Sample : MemoryFound {
  Clock::time_point began;
  Figures then;
};

/// What a file said that is read of every process now and then, and when; nothing where it could
/// not be read, so that it is not tried again at once.
template <typename Found>
struct Reading {
  Clock::time_point began;
  std::optional<Found> found;
};

/// All that has been read of a process's memory, and what that took of its time. An exec ends all
/// of it: one assignment. Each lane of sampling writes what it reads; kinship hands the readings of
/// shared memory on to the next who is on it.
struct Readings {
  std::optional<Sample> sample;
  std::optional<Clock::time_point> denied_at;       ///< the last walk was refused
  std::optional<Clock::time_point> unsupported_at;  ///< it found that the kernel tells no PSS of it
  unsigned walk_failures = 0;  ///< walks in a row that ended as one of these two
  std::optional<Clock::time_point> pagemap_denied_at;      ///< for a while: smaps_rollup only
  std::shared_ptr<const Reading<LimitsFound>> limits;      ///< null: not read yet, or not wanted
  std::shared_ptr<const Reading<MappingsFound>> mappings;  ///< likewise
  StallAccount stalls;
};

}  // namespace memory_exporter::process
