#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#include "collectors/base/result.h"
#include "collectors/process/facts/snapshot.h"
#include "collectors/procfs/parsed.h"

namespace memory_exporter {

using ReadErrorKey = process::ReadErrorKey;
using ReadErrorTotals = std::map<ReadErrorKey, std::uint64_t>;

/// What one run of a collector could not read. The value in question is absent, the rest is
/// written, and memory_exporter_read_errors_total counts it. `file` is always a constant: the
/// file's own name, never that of a cgroup or a disk, which strangers choose.
class ReadErrors {
 public:
  /// Counts a file that could not be read. One that is not there (vanished) is normal and is not
  /// counted: a kernel has the files of its version and configuration.
  void add(std::string_view file, const Error& error);
  /// Counts each line that was passed over.
  void add(std::string_view file, const procfs::Skipped& skipped, std::string_view path);
  /// Notes an error that is counted elsewhere, or is no file's.
  void meet(const Error& error);
  /// Takes over what another has, but for one kind of error, which nobody misses.
  void take(const ReadErrors& others, std::optional<ErrorKind> unmissed = std::nullopt);

  bool any() const { return !noted_.empty(); }
  /// Whether the exporter's own descriptors or memory ran out: what is absent then says nothing
  /// about the machine.
  bool exhausted() const { return exhausted_; }

  struct Noted {
    std::string_view file;
    Error error;
  };
  /// The first few, for the log.
  const std::vector<Noted>& noted() const { return noted_; }
  const ReadErrorTotals& counts() const { return counts_; }

 private:
  void note(std::string_view file, const Error& error);

  static constexpr std::size_t most_noted = 16;
  std::vector<Noted> noted_;
  ReadErrorTotals counts_;
  bool exhausted_ = false;
};

/// All of them since the start. Safe to share between threads.
class ReadErrorCounts {
 public:
  /// Adds a run's; returns those of its noted ones whose file and reason are new.
  std::vector<ReadErrors::Noted> add(const ReadErrors& errors);
  ReadErrorTotals totals() const;

 private:
  mutable std::mutex mutex_;
  ReadErrorTotals totals_;
};

}  // namespace memory_exporter
