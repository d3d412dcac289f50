#include "collectors/process/grouping/grouping.h"

#include <algorithm>
#include <utility>

#include "collectors/process/facts/dimension.h"
#include "collectors/process/grouping/folding.h"
#include "collectors/process/grouping/group_totals.h"

namespace memory_exporter::process {
namespace {

/// Memory that a process borrows is its owner's.
Bytes size_of(const Process& process) {
  return process.memory_owner ? Bytes{} : process.resident() + process.swap();
}

}  // namespace

void GroupState::take_faults_of(Process& process) {
  minor_faults_ += process.minor_faults - process.counted_minor_faults;
  major_faults_ += process.major_faults - process.counted_major_faults;
  process.counted_minor_faults = process.minor_faults;
  process.counted_major_faults = process.major_faults;
}

void GroupState::take_faults_of(const GroupState& group) {
  minor_faults_ += group.minor_faults_;
  major_faults_ += group.major_faults_;
}

void GroupState::weigh(const Process& process, Clock::time_point now) {
  alive_ = true;
  last_used_ = now;
  size_ += size_of(process);
}

Grouping::Grouping(GroupBy group_by, std::size_t max_groups)
    : group_by_(std::move(group_by)), fold_key_(fold_key(group_by_)), max_groups_(max_groups) {}

void Grouping::assign(Processes& processes, Clock::time_point now) {
  auto unplaced = place(processes, now);
  forget_unused(now);
  auto newcomers = newcomers_among(unplaced);
  const auto shown = choose(newcomers, now);
  const auto known = shown_.size();
  folded_ = 0;
  fold_shown(processes, shown, now);
  for (std::size_t i = 0; i < newcomers.size(); ++i) {
    if (shown[known + i]) {
      show(newcomers[i], now);
    } else {
      fold(newcomers[i], now);
    }
  }
}

/// Weighs the groups that are shown. Returns the processes that belong to none of them.
std::vector<Grouping::Unplaced> Grouping::place(Processes& processes, Clock::time_point now) {
  for (auto& [key, group] : shown_) {
    group.alive_ = false;
    group.size_ = {};
  }
  std::vector<Unplaced> unplaced;
  for (auto& [pid, process] : processes) {
    if (process.group != nullptr) process.group->take_faults_of(process);
    if (process.ended) {
      process.group = nullptr;
    } else if (process.unreadable) {
      if (process.group != nullptr) process.group->last_used_ = now;
    } else if (process.group != nullptr && process.group != &other_) {
      process.group->weigh(process, now);
    } else {
      auto key = group_key(process, group_by_);
      if (!place_in_known(process, key, now)) unplaced.push_back({std::move(key), &process});
    }
  }
  return unplaced;
}

bool Grouping::place_in_known(Process& process, const GroupKey& key, Clock::time_point now) {
  auto* group = &other_;
  if (key != fold_key_) {
    const auto entry = shown_.find(key);
    if (entry == shown_.end()) return false;
    group = &entry->second;
  }
  group->take_faults_of(process);
  group->weigh(process, now);
  process.group = group;
  return true;
}

std::vector<Grouping::Newcomer> Grouping::newcomers_among(std::vector<Unplaced>& unplaced) {
  std::sort(unplaced.begin(), unplaced.end(),
            [](const Unplaced& a, const Unplaced& b) { return a.key < b.key; });
  std::vector<Newcomer> newcomers;
  for (auto next = unplaced.begin(); next != unplaced.end(); ++next) {
    if (newcomers.empty() || newcomers.back().begin->key != next->key) {
      newcomers.push_back({next, next});
    }
    auto& newcomer = newcomers.back();
    newcomer.end = next + 1;
    newcomer.size += size_of(*next->process);
    newcomer.returns = newcomer.returns || next->process->group != nullptr;
  }
  return newcomers;
}

void Grouping::forget_unused(Clock::time_point now) {
  std::erase_if(shown_,
                [&](const auto& entry) { return now - entry.second.last_used_ > retention; });
}

bool Grouping::other_is_shown(Clock::time_point now) const {
  return other_.last_used_ != Clock::time_point{} && now - other_.last_used_ <= retention;
}

/// Of the groups that are shown, in their order, and the newcomers behind them.
std::vector<bool> Grouping::choose(const std::vector<Newcomer>& newcomers,
                                   Clock::time_point now) const {
  std::vector<Contender> contenders;
  contenders.reserve(shown_.size() + newcomers.size());
  for (const auto& [key, group] : shown_) {
    contenders.push_back({true, group.alive_, group.size_, group.last_used_});
  }
  for (const auto& newcomer : newcomers) contenders.push_back({.size = newcomer.size});
  const bool with_other = other_is_shown(now) || contenders.size() > max_groups_;
  return choose_shown(contenders, with_other ? max_groups_ - 1 : max_groups_);
}

void Grouping::fold_shown(Processes& processes, const std::vector<bool>& stay,
                          Clock::time_point now) {
  std::size_t index = 0;
  bool any = false;
  for (auto& [key, group] : shown_) {
    group.folds_ = !stay[index++];
    if (!group.folds_) continue;
    any = true;
    if (group.alive_) ++folded_;
    other_.take_faults_of(group);
  }
  if (!any) return;
  other_.last_used_ = now;
  for (auto& [pid, process] : processes) {
    if (process.group != nullptr && process.group->folds_) process.group = &other_;
  }
  std::erase_if(shown_, [](const auto& entry) { return entry.second.folds_; });
}

/// What the processes of one that returns have faulted so far is in `other`, or goes there.
void Grouping::show(Newcomer& newcomer, Clock::time_point now) {
  auto& group = shown_[std::move(newcomer.begin->key)];
  group.last_used_ = now;
  for (auto next = newcomer.begin; next != newcomer.end; ++next) {
    (newcomer.returns ? other_ : group).take_faults_of(*next->process);
    next->process->group = &group;
  }
}

void Grouping::fold(Newcomer& newcomer, Clock::time_point now) {
  ++folded_;
  other_.last_used_ = now;
  for (auto next = newcomer.begin; next != newcomer.end; ++next) {
    other_.take_faults_of(*next->process);
    next->process->group = &other_;
  }
}

void Grouping::leave(Processes& processes) {
  left_.reserve(processes.size());
  for (auto& [pid, process] : processes) {
    left_.push_back({process.id, process.counted_minor_faults, process.counted_major_faults});
    process.group = nullptr;
    process.counted_minor_faults = 0;
    process.counted_major_faults = 0;
  }
}

void Grouping::take_up(Processes& processes) {
  for (const auto& left : std::exchange(left_, {})) {
    const auto entry = processes.find(left.id.pid);
    if (entry == processes.end() || entry->second.id != left.id) continue;
    auto& process = entry->second;
    // Counters that have fallen are another process's, which started within the same clock tick.
    const bool same =
        process.minor_faults >= left.minor_faults && process.major_faults >= left.major_faults;
    if (!same) continue;
    process.counted_minor_faults = left.minor_faults;
    process.counted_major_faults = left.major_faults;
  }
}

std::vector<Group> Grouping::publish(const Processes& processes, Clock::time_point now) {
  for (const auto& [pid, process] : processes) {
    if (process.ended || process.unreadable || process.group == nullptr) continue;
    count_process(process.group->totals_, process, now);
  }
  std::vector<Group> published;
  published.reserve(shown_.size() + 1);
  const auto add = [&](const GroupKey& key, GroupState& group) {
    group.totals_.minor_faults = group.minor_faults_;
    group.totals_.major_faults = group.major_faults_;
    published.push_back({key, std::exchange(group.totals_, {})});
  };
  const auto behind_other = shown_.lower_bound(fold_key_);
  for (auto group = shown_.begin(); group != behind_other; ++group)
    add(group->first, group->second);
  if (other_is_shown(now)) add(fold_key_, other_);
  for (auto group = behind_other; group != shown_.end(); ++group) add(group->first, group->second);
  return published;
}

}  // namespace memory_exporter::process
