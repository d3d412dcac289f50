#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "collectors/base/result.h"
#include "collectors/process/facts/process.h"
#include "collectors/procfs/reader.h"

namespace memory_exporter::process {

/// One process to read, as the table knew it when it asked.
struct WalkRequest {
  ProcessId id;
  pid_t memory_thread = 0;
  Image image;
  Bytes resident;
  Bytes swap;
  std::uint64_t faults = 0;
  std::uint64_t sharers = 0;
  WalkMethod method = WalkMethod::rollup;
  std::optional<procfs::MappedFile> program{};  ///< where its mappings have been read before
  bool goes_on = false;  ///< the read of it that was cut last is to go on where it was
};

/// What a read took of the host and of its target.
struct WalkCost {
  std::chrono::nanoseconds cpu{};
  /// Of the target's mmap_lock. A read that waits for the lock does not hold it: no more than ten
  /// times its CPU time is held against it.
  std::chrono::nanoseconds longest_hold{};
  std::chrono::nanoseconds stalled{};  ///< the sum of the holds of a millisecond or more
};

/// A read that came back, with or without success. Whether it counts is for the table to say: the
/// process may have exited or exec'd meanwhile.
template <typename Payload>
struct Walk {
  WalkRequest request;
  Result<Payload> payload;
  Clock::time_point began;
  Clock::time_point ended;
  WalkCost cost{};
};

/// Whom a long read asks between its parts.
class WalkControl {
 public:
  virtual ~WalkControl() = default;
  /// What was done since the last call held the target's mmap_lock in one go...
  virtual void held() = 0;
  /// ... or not at all.
  virtual void not_held() = 0;
  /// held(), and a sleep, so that whoever waits for the lock gets it. False: stop here.
  virtual bool pause(std::chrono::nanoseconds length) = 0;
};

/// How one process is read. Each thread of a sampler makes one for itself and keeps it.
template <typename Payload>
class WalkReader {
 public:
  virtual ~WalkReader() = default;

  /// The payload; or nothing where `control` has cut the read. A later request that says so goes on
  /// where it was; any other one begins anew.
  virtual std::optional<Result<Payload>> read(const WalkRequest& request, WalkControl& control) = 0;
};

template <typename Payload>
using MakeWalkReader = std::function<std::unique_ptr<WalkReader<Payload>>(const procfs::Tree&)>;

}  // namespace memory_exporter::process
