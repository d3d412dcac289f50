#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "collectors/process/facts/snapshot.h"
#include "collectors/process/sampling/cpu_budget.h"
#include "collectors/process/sampling/read.h"
#include "collectors/process/sampling/reader_threads.h"
#include "collectors/process/sampling/reads_under_way.h"
#include "collectors/procfs/reader.h"

namespace memory_exporter::process {

/// Reads processes on a thread of its own, one after another, in the order given, out of a part of
/// the budget of CPU time. It never changes its own priority: a slow reader would hold the target's
/// mmap_lock for longer.
///
/// A read may hang in the kernel; see ReaderThreads. The destructor leaves a hung one behind, on
/// state that it keeps alive itself. Where no thread is left, because ReadsUnderWay::most_replaced
/// hang or none can be started, the worker pauses: what is submitted counts as deferred.
class Worker {
 public:
  struct Options {
    MakeReader make_reader;
    std::shared_ptr<CpuBudget> budget;
    std::size_t lane = 0;  ///< of the budget
    Now now;
    std::shared_ptr<ReadsUnderWay> reads = std::make_shared<ReadsUnderWay>();  ///< all lanes' own
    std::chrono::nanoseconds patience = ReaderThreads::hang_limit;  ///< as in ReaderThreads
    bool complete = false;  ///< wait() also waits for processes that another lane is reading
  };

  Worker(const procfs::Tree& procfs, Options options);
  /// Waits for its threads, those that are well, for half a second at most.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// As in Options, from now on.
  void set_pace(std::chrono::nanoseconds patience, bool complete);

  /// Replaces what is queued and not yet begun. What does not fit the budget is dropped, not kept:
  /// the next collection asks again, with newer knowledge. A read that the budget has cut goes on
  /// first, if it is still asked for.
  void submit(std::vector<ReadRequest> requests);

  /// Returns when everything submitted has been read, dropped or found to hang, or is left for
  /// later because another lane reads it; and after `at_most` at the latest.
  void wait(std::chrono::nanoseconds at_most);

  /// What has come back since the last call, in the order of reading.
  std::vector<FinishedRead> take();

  /// Whose reads have not come back within ReaderThreads::hang_limit.
  std::vector<ProcessId> stuck();

  SamplingCost cost() const;

  /// How its threads are doing, under the lane's name.
  LaneReaders readers(std::string_view lane) const;

 private:
  struct Shared;

  std::shared_ptr<Shared> shared_;
};

}  // namespace memory_exporter::process
