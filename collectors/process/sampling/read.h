#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "collectors/base/result.h"
#include "collectors/process/facts/process.h"
#include "collectors/procfs/reader.h"

namespace memory_exporter::process {

/// One process to read, as the table knew it when it asked.
struct ReadRequest {
  ProcessId id;
  pid_t memory_thread = 0;
  Image image;
  Figures figures;
  WalkMethod method = WalkMethod::rollup;
  std::optional<procfs::MappedFile> program{};  ///< where its mappings have been read before
};

/// What the readers find.
using Found = std::variant<MemoryFound, LimitsFound, MappingsFound>;

/// A read that came back, with or without success. Whether it counts is for the table to say: the
/// process may have exited or exec'd meanwhile.
struct FinishedRead {
  ReadRequest request;
  Result<Found> found;
  Clock::time_point began;
  Clock::time_point ended;
  ReadCost cost{};
};

/// Whom a long read asks between its parts.
class ReadControl {
 public:
  virtual ~ReadControl() = default;
  /// What was done since the last call held the target's mmap_lock in one go.
  virtual void held() = 0;
  /// What was done since the last call did not hold it.
  virtual void not_held() = 0;
  /// held(), and a sleep, so that whoever waits for the lock gets it. False: stop here.
  virtual bool pause(std::chrono::nanoseconds length) = 0;
};

/// Where a read was cut, and what it has found up to there. It holds for any reader of its kind.
class ReadProgress {
 public:
  virtual ~ReadProgress() = default;
};

/// How one process is read. Each thread of a worker makes one for itself and keeps it.
class ProcessReader {
 public:
  virtual ~ProcessReader() = default;

  /// What was found; or nothing where `control` has cut the read, and `progress` says where. Given
  /// back with the same process, the read goes on there; null: it begins.
  virtual std::optional<Result<Found>> read(const ReadRequest& request, ReadControl& control,
                                            std::unique_ptr<ReadProgress>& progress) = 0;
};

using MakeReader = std::function<std::unique_ptr<ProcessReader>(const procfs::Tree&)>;

/// What one kind of reader found, as what any of them may find.
template <typename Kind>
Result<Found> any_found(Result<Kind> found) {
  if (!found) return std::move(found.error());
  return Found(std::move(*found));
}

/// A reader that is never cut: `Reader` has a read(request, control) of its own.
template <typename Reader>
class Uncut final : public ProcessReader {
 public:
  explicit Uncut(const procfs::Tree& procfs) : reader_(procfs) {}

  std::optional<Result<Found>> read(const ReadRequest& request, ReadControl& control,
                                    std::unique_ptr<ReadProgress>&) override {
    return any_found(reader_.read(request, control));
  }

 private:
  Reader reader_;
};

}  // namespace memory_exporter::process
