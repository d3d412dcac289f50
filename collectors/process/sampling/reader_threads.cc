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

ReaderThreads::Handle ReaderThreads::begin(Read read) {
  try {
    return under_way_.insert(under_way_.end(), read);
  } catch (const std::exception&) {
    reads_->release(read.id);
    throw;
  }
}

void ReaderThreads::show_progress(Handle read, Clock::time_point now, nanoseconds cpu) {
  read->progress = now;
  read->cpu = cpu;
  set_hung(*read, false);
}

bool ReaderThreads::end(Handle read) {
  const bool replaced = read->replaced;
  reads_->release(read->id);
  if (replaced) reads_->give_back_replacement();
  under_way_.erase(read);
  return !replaced;
}

void ReaderThreads::replace_hung(Clock::time_point now, bool waits,
                                 const std::function<void()>& work) {
  for (auto& read : under_way_) {
    const auto quiet = look_at(read, now);
    const bool needed = waits || read.hung;
    if (quiet < patience_ || read.replaced || !needed) continue;
    if (!reads_->take_replacement()) return;
    read.replaced = start(work);
    if (!read.replaced) return reads_->give_back_replacement();
  }
}

/// For how long a read has shown no progress. A walk of hundreds of GiB is long, and busy; one that
/// waits for a lock spends nothing.
nanoseconds ReaderThreads::look_at(Read& read, Clock::time_point now) {
  const auto quiet = now - read.progress;
  if (quiet < patience_) return quiet;
  const auto cpu = time_of(read.thread_clock);
  if (cpu - read.cpu < least_progress) {
    set_hung(read, quiet >= hang_limit);
    return quiet;
  }
  read.cpu = cpu;
  read.progress = now;
  set_hung(read, false);
  return {};
}

void ReaderThreads::set_hung(Read& read, bool hung) {
  if (std::exchange(read.hung, hung) != hung) reads_->set_hung(read.id, hung);
}

bool ReaderThreads::all_hang() const {
  return std::all_of(under_way_.begin(), under_way_.end(),
                     [](const Read& read) { return read.hung; });
}

bool ReaderThreads::nobody_left() const {
  return running_ == std::count_if(under_way_.begin(), under_way_.end(),
                                   [](const Read& read) { return read.hung || read.replaced; });
}

std::vector<ProcessId> ReaderThreads::hung() const {
  std::vector<ProcessId> ids;
  for (const auto& read : under_way_) {
    if (read.hung) ids.push_back(read.id);
  }
  return ids;
}

LaneReaders ReaderThreads::counts(std::string_view lane) const {
  const auto hung = std::count_if(under_way_.begin(), under_way_.end(),
                                  [](const Read& read) { return read.hung; });
  return {lane, static_cast<std::uint64_t>(hung), start_failures_, nobody_left()};
}

}  // namespace memory_exporter::process
