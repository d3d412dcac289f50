#include "collectors/process/table/kinship.h"

#include <algorithm>
#include <tuple>

#include "collectors/process/table/look_alikes.h"

namespace memory_exporter::process {

struct SharedMemory {
  ProcessId owner;
  Readings readings;  ///< what was read of it through its owner
  /// For one pass over those who share it.
  Process* chosen = nullptr;
  std::size_t members = 0;
};

namespace {

/// Limits are a process's own, and are read anew.
void inherit(Process& heir, const Readings& shared) {
  auto& own = heir.readings;
  if (shared.sample && (!own.sample || own.sample->began < shared.sample->began)) {
    own.sample = shared.sample;
    own.sample->then.faults = heir.faults();
  }
  if (shared.mappings && (!own.mappings || own.mappings->began < shared.mappings->began)) {
    own.mappings = shared.mappings;
  }
  own.stalls.merge(shared.stalls);
}

/// Who made the memory comes before those that were cloned into it.
bool is_older(const Process& a, const Process& b) {
  return std::tuple(a.forked, a.id.start_time, a.id.pid) <
         std::tuple(b.forked, b.id.start_time, b.id.pid);
}

/// What a child shows if it was on its parent's memory when status was read, whatever stat said of
/// it a moment later.
bool looks_like(const Process& child, const Process& parent) {
  return child.status.text == parent.status.text &&
         child.status.virtual_peak == parent.status.virtual_peak;
}

Process* find_countable(Kinship::Processes& processes, pid_t pid) {
  const auto entry = processes.find(pid);
  return entry != processes.end() && is_countable(entry->second) ? &entry->second : nullptr;
}

}  // namespace

void Kinship::keep_readings(const Processes& processes) {
  for (const auto pid : sharers_) {
    const auto entry = processes.find(pid);
    if (entry == processes.end()) continue;
    const auto& process = entry->second;
    if (process.kin.shared && !process.memory_owner)
      process.kin.shared->readings = process.readings;
  }
}

std::vector<pid_t> Kinship::find(Processes& processes) {
  vfork_wait_.begin();
  look_over(processes);
  check_sharers(processes);
  if (!newcomers_.empty()) forget_gone(processes);
  for (auto* process : newcomers_) place(*process, processes);
  for (auto* process : forked_) {
    if (process->kin.waiting_thread != 0) {
      check_vfork(*process, processes);
    } else {
      ask_vfork(*process, processes);
    }
  }
  for (const auto* process : newcomers_) {
    if (process->kin.shared) continue;
    const auto* parent = find_countable(processes, process->parent);
    if (parent != nullptr && looks_like(*process, *parent)) moved_on_.push_back(process->id.pid);
  }
  newcomers_.clear();
  forked_.clear();
  std::sort(moved_on_.begin(), moved_on_.end());
  moved_on_.erase(std::unique(moved_on_.begin(), moved_on_.end()), moved_on_.end());
  return std::exchange(moved_on_, {});
}

void Kinship::look_over(Processes& processes) {
  sharers_.clear();
  for (auto& [pid, process] : processes) {
    if (process.kin.shared) sharers_.push_back(pid);
    if (!is_countable(process)) continue;
    if (process.kin.compared == Compared::unasked) newcomers_.push_back(&process);
    if (process.forked) forked_.push_back(&process);
  }
}

/// An exec may have come since the process was read.
void Kinship::check_sharers(Processes& processes) {
  const auto for_each = [&](auto&& visit) {
    for (const auto pid : sharers_) {
      auto& process = processes.at(pid);
      if (is_countable(process) && process.kin.compared == Compared::done) visit(process);
    }
  };
  for_each([](Process& process) { process.kin.shared->chosen = nullptr; });
  for_each([](Process& process) {
    auto& memory = *process.kin.shared;
    if (memory.chosen == nullptr || process.id == memory.owner) memory.chosen = &process;
  });
  for_each([&](Process& process) {
    const auto& owner = *process.kin.shared->chosen;
    if (&owner == &process) return;
    const auto order = compare(process, owner);
    if (order == MemoryOrder::same || order == MemoryOrder::unknown) return;
    leave(process);
    process.kin.compared = Compared::unasked;
    newcomers_.push_back(&process);
    moved_on_.push_back(process.id.pid);
  });
}

void Kinship::forget_gone(const Processes& processes) {
  std::erase_if(order_, [&](pid_t pid) {
    const auto entry = processes.find(pid);
    return entry == processes.end() || entry->second.ended ||
           entry->second.kin.compared != Compared::done;
  });
}

/// Finds the process's place among all mms, and whoever is there already.
void Kinship::place(Process& process, Processes& processes) {
  process.kin.compared = Compared::refused;
  if (compare(process, process) != MemoryOrder::same) return;
  process.kin.compared = Compared::done;
  // By far the most frequent case first. It does not ask those in between, one of which may have
  // exec'd since it was given its place.
  const auto parent = processes.find(process.parent);
  if (process.forked && parent != processes.end() &&
      parent->second.kin.compared == Compared::done && !parent->second.ended &&
      compare(process, parent->second) == MemoryOrder::same) {
    join(process, parent->second, processes);
    return insert_beside(process, parent->first);
  }
  std::size_t low = 0;
  std::size_t high = order_.size();
  while (low < high) {
    const auto middle = low + (high - low) / 2;
    auto& other = processes.at(order_[middle]);
    const auto order = compare(process, other);
    if (order == MemoryOrder::same) {
      join(process, other, processes);
      low = high = middle;
    } else if (order == MemoryOrder::before) {
      high = middle;
    } else if (order == MemoryOrder::after) {
      low = middle + 1;
    } else if (compare(process, process) != MemoryOrder::same) {
      process.kin.compared = Compared::unasked;  // it has ended just now
      return;
    } else {
      other.kin.compared = Compared::unasked;
      order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(middle));
      --high;
    }
  }
  order_.insert(order_.begin() + static_cast<std::ptrdiff_t>(low), process.id.pid);
}

void Kinship::insert_beside(const Process& process, pid_t other) {
  order_.insert(std::find(order_.begin(), order_.end(), other), process.id.pid);
}

MemoryOrder Kinship::compare(const Process& a, const Process& b) const {
  return compare_(a.memory_thread, b.memory_thread);
}

/// Where kcmp does not say whether a child is on its parent's memory.
void Kinship::ask_vfork(Process& child, Processes& processes) {
  if (child.kin.no_vfork_child) return;
  auto* parent = find_countable(processes, child.parent);
  if (parent == nullptr ||
      (child.kin.compared == Compared::done && parent->kin.compared == Compared::done)) {
    return;
  }
  pid_t thread = 0;
  const bool awake = parent->threads == 1 && parent->status.state != 'D';
  const auto answer =
      awake ? VforkWait::Answer::does_not_wait : vfork_wait_.ask(*parent, child, thread);
  switch (answer) {
    case VforkWait::Answer::waits:
      child.kin.waiting_thread = thread;
      join(child, *parent, processes);
      break;
    case VforkWait::Answer::does_not_wait:
      child.kin.no_vfork_child = true;
      break;
    case VforkWait::Answer::child_moved_on:
      moved_on_.push_back(child.id.pid);
      break;
    case VforkWait::Answer::unknown:
      break;
  }
}

/// A child that was found on its parent's memory stays there as long as the parent waits.
void Kinship::check_vfork(Process& child, Processes& processes) {
  const auto entry = processes.find(child.parent);
  const bool with_parent =
      child.kin.shared && entry != processes.end() && entry->second.kin.shared == child.kin.shared;
  if (!with_parent || entry->second.ended) {
    child.kin.waiting_thread = 0;  // the parent was killed, or its memory left behind
    return;
  }
  if (entry->second.unreadable) return;
  const auto answer = vfork_wait_.ask(entry->second, child, child.kin.waiting_thread);
  if (answer == VforkWait::Answer::waits || answer == VforkWait::Answer::unknown) return;
  leave(child);
  child.kin.no_vfork_child = true;
  moved_on_.push_back(child.id.pid);
}

void Kinship::join(Process& process, Process& other, Processes& processes) {
  if (!other.kin.shared) {
    other.kin.shared = std::make_shared<SharedMemory>();
    other.kin.shared->owner = other.id;
    sharers_.push_back(other.id.pid);
  }
  if (process.kin.shared == other.kin.shared) return;
  if (!process.kin.shared) {
    process.kin.shared = other.kin.shared;
    sharers_.push_back(process.id.pid);
    return;
  }
  const auto joined = process.kin.shared;
  for (const auto pid : sharers_) {
    auto& shared = processes.at(pid).kin.shared;
    if (shared == joined) shared = other.kin.shared;
  }
}

void Kinship::leave(Process& process) {
  process.kin.shared.reset();
  process.kin.waiting_thread = 0;
  process.memory_owner.reset();
}

void Kinship::settle(Processes& processes) {
  choose_owners(processes);
  unknown_ = count_look_alikes(processes);
}

void Kinship::end(Process& process, Processes& processes) {
  process.ended = true;
  const auto memory = process.kin.shared;
  if (!memory) return;
  if (!process.memory_owner) memory->readings = process.readings;
  leave(process);
  process.kin.compared = Compared::unasked;
  choose_owners(processes);
}

void Kinship::choose_owners(Processes& processes) {
  const auto for_each = [&](auto&& visit) {
    for (const auto pid : sharers_) {
      auto& process = processes.at(pid);
      if (process.ended) leave(process);
      if (process.kin.shared) visit(process, *process.kin.shared);
    }
  };
  for_each([](Process&, SharedMemory& memory) {
    memory.chosen = nullptr;
    memory.members = 0;
  });
  for_each([](Process& process, SharedMemory& memory) {
    ++memory.members;
    if (!is_countable(process)) return;
    if (memory.chosen == nullptr || is_older(process, *memory.chosen)) memory.chosen = &process;
  });
  for_each([](Process& process, SharedMemory& memory) {
    if (memory.chosen == nullptr) return;
    if (memory.chosen != &process) {
      process.memory_owner = memory.chosen->id.pid;
      return;
    }
    process.memory_owner.reset();
    if (memory.owner != process.id) inherit(process, memory.readings);
    memory.owner = process.id;
    if (memory.members == 1) process.kin.shared.reset();
  });
}

}  // namespace memory_exporter::process
