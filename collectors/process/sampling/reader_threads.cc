#include "collectors/process/sampling/reader_threads.h"

#include <algorithm>
#include <exception>
#include <thread>
#include <utility>

#include "collectors/process/sampling/thread_cpu_time.h"

namespace memory_exporter::process {

using std::chrono::nanoseconds;

bool ReaderThreads::start(const std::function<void()>& work) {
  try {
    std::thread(work).detach();
  } catch (const std::exception&) {
    ++start_failures_;
    return false;
  }
  ++running_;
  return true;
}

void ReaderThreads::ended(bool failed) {
  --running_;
  if (failed) ++start_failures_;
}

ReaderThreads::Handle ReaderThreads::begin(Reading reading) {
  try {
    return readings_.insert(readings_.end(), reading);
  } catch (const std::exception&) {
    reads_->release(reading.id);
    throw;
  }
}

void ReaderThreads::show_progress(Handle reading, Clock::time_point now, nanoseconds cpu) {
  reading->progress = now;
  reading->cpu = cpu;
  set_hung(*reading, false);
}

bool ReaderThreads::end(Handle reading) {
  const bool replaced = reading->replaced;
  reads_->release(reading->id);
  if (replaced) reads_->give_back_replacement();
  readings_.erase(reading);
  return !replaced;
}

void ReaderThreads::replace_hung(Clock::time_point now, bool waits,
                                 const std::function<void()>& work) {
  for (auto& reading : readings_) {
    const auto quiet = look_at(reading, now);
    const bool needed = waits || reading.hung;
    if (quiet < patience_ || reading.replaced || !needed) continue;
    if (!reads_->take_replacement()) return;
    reading.replaced = start(work);
    if (!reading.replaced) return reads_->give_back_replacement();
  }
}

/// For how long a read has shown no progress. A walk of hundreds of GiB is long, and busy; one that
/// waits for a lock spends nothing.
nanoseconds ReaderThreads::look_at(Reading& reading, Clock::time_point now) {
  const auto quiet = now - reading.progress;
  if (quiet < patience_) return quiet;
  const auto cpu = time_of(reading.thread_clock);
  if (cpu - reading.cpu < least_progress) {
    set_hung(reading, quiet >= hang_limit);
    return quiet;
  }
  reading.cpu = cpu;
  reading.progress = now;
  set_hung(reading, false);
  return {};
}

void ReaderThreads::set_hung(Reading& reading, bool hung) {
  if (std::exchange(reading.hung, hung) != hung) reads_->set_hung(reading.id, hung);
}

bool ReaderThreads::all_hang() const {
  return std::all_of(readings_.begin(), readings_.end(),
                     [](const Reading& reading) { return reading.hung; });
}

bool ReaderThreads::nobody_left() const {
  return running_ == std::count_if(readings_.begin(), readings_.end(), [](const Reading& reading) {
           return reading.hung || reading.replaced;
         });
}

std::vector<ProcessId> ReaderThreads::hung() const {
  std::vector<ProcessId> ids;
  for (const auto& reading : readings_) {
    if (reading.hung) ids.push_back(reading.id);
  }
  return ids;
}

LaneReaders ReaderThreads::counts(std::string_view lane) const {
  const auto hung = std::count_if(readings_.begin(), readings_.end(),
                                  [](const Reading& reading) { return reading.hung; });
  return {lane, static_cast<std::uint64_t>(hung), start_failures_, nobody_left()};
}

}  // namespace memory_exporter::process
