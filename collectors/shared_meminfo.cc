#include "collectors/shared_meminfo.h"

#include "collectors/read_file.h"

namespace memory_exporter {
namespace {

Error hangs(const procfs::Tree& procfs) {
  return Error{ErrorKind::timeout, "the read is not done in time", procfs.path() + "/meminfo", 0};
}

}  // namespace

bool MeminfoReads::begin(Clock::time_point until) {
  std::unique_lock lock(mutex_);
  if (under_way_ && hangs_) return false;
  if (!ended_.wait_until(lock, until, [&] { return !under_way_; })) {
    hangs_ = true;
    return false;
  }
  under_way_ = true;
  return true;
}

void MeminfoReads::end() {
  const std::lock_guard lock(mutex_);
  under_way_ = hangs_ = false;
  ended_.notify_one();
}

void MeminfoReads::note_hanging() {
  const std::lock_guard lock(mutex_);
  hangs_ = under_way_;
}

const procfs::Meminfo* SharedMeminfo::get(ReadErrors& errors) {
  std::unique_lock lock(mutex_);
  if (state_ == State::unread) {
    state_ = State::under_way;
    lock.unlock();
    ReadErrors met;
    std::optional<procfs::Meminfo> meminfo;
    if (reads_->begin(until_)) {
      meminfo = read_file(procfs_, "meminfo", text_, met, procfs::parse_meminfo);
      reads_->end();
    } else {
      met.add("meminfo", hangs(procfs_));
    }
    lock.lock();
    meminfo_ = std::move(meminfo);
    errors_ = met;
    state_ = State::read;
    is_read_.notify_all();
    errors.take(met);
  } else if (!is_read_.wait_until(lock, until_, [&] { return state_ == State::read; })) {
    reads_->note_hanging();
    errors.meet(hangs(procfs_));
    return nullptr;
  } else {
    for (const auto& noted : errors_.noted()) errors.meet(noted.error);
  }
  return meminfo_ ? &*meminfo_ : nullptr;
}

}  // namespace memory_exporter
