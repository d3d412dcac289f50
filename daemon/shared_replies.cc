#include "daemon/shared_replies.h"

#include <algorithm>
#include <optional>

#include "daemon/time_to_answer.h"

namespace memory_exporter {
namespace {

/// Who waits for another has about the same deadline, and the other needs some time behind his to
/// finish: a part of what everybody keeps for the way back.
std::chrono::nanoseconds grace(std::chrono::nanoseconds wanted) {
  return std::clamp<std::chrono::nanoseconds>(wanted / 4, std::chrono::nanoseconds(0),
                                              std::chrono::milliseconds(100));
}

Error busy(std::string what) {
  return Error{ErrorKind::exhausted, std::move(what), {}, 0};
}

}  // namespace

struct SharedReplies::Flight {
  std::string key;
  Clock::time_point began;
  std::chrono::nanoseconds time;  ///< that its maker has
  std::optional<Result<Reply>> result;
};

struct SharedReplies::Kept {
  std::string key;
  std::chrono::nanoseconds time;
  Reply reply;
};

SharedReplies::SharedReplies(Options options) : options_(options), sweeper_([this] { sweep(); }) {}

SharedReplies::~SharedReplies() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  keeping_.notify_all();
  sweeper_.join();
}

const SharedReplies::Kept* SharedReplies::kept(const std::string& key,
                                               Clock::duration wanted) const {
  const auto now = Clock::now();
  const auto at = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) {
    return kept.key == key && now - kept.reply.collected < options_.share &&
           serves(kept.time, wanted, options_.enough_time);
  });
  return at == kept_.end() ? nullptr : &*at;
}

std::shared_ptr<SharedReplies::Flight> SharedReplies::under_way(const std::string& key,
                                                                Clock::duration wanted) const {
  const auto at = std::find_if(flights_.begin(), flights_.end(), [&](const auto& flight) {
    return flight->key == key && serves(flight->time, wanted, options_.enough_time);
  });
  return at == flights_.end() ? nullptr : *at;
}

bool SharedReplies::too_much_under_way() const {
  constexpr std::size_t much = 4;
  const auto now = Clock::now();
  return flights_.size() >= much ||
         std::any_of(flights_.begin(), flights_.end(),
                     [&](const auto& flight) { return now - flight->began >= options_.hurry; });
}

Result<SharedReplies::Reply> SharedReplies::get(const std::string& key, const Asker& asker,
                                                const Make& make) {
  const auto now = Clock::now();
  const auto wanted = asker.deadline - now;
  std::unique_lock lock(mutex_);
  if (const auto* found = kept(key, wanted)) return found->reply;
  if (const auto flight = under_way(key, wanted)) {
    const auto patient = asker.deadline + grace(wanted);
    const auto until = asker.hurried ? std::min(patient, flight->began + options_.hurry) : patient;
    finished_.wait_until(lock, until, [&] { return flight->result.has_value(); });
    if (flight->result) return *flight->result;
  }
  if (asker.hurried && too_much_under_way()) {
    return busy("too many requests wait for their answer");
  }
  const auto flight = std::make_shared<Flight>(Flight{key, Clock::now(), wanted, std::nullopt});
  flights_.push_back(flight);
  lock.unlock();
  try {
    auto result = make();
    finish(flight, result);
    return result;
  } catch (...) {
    finish(flight, Error{ErrorKind::failed, "the reply could not be made", {}, 0});
    throw;
  }
}

void SharedReplies::finish(const std::shared_ptr<Flight>& flight, Result<Reply> result) {
  const std::lock_guard lock(mutex_);
  std::erase(flights_, flight);
  if (result && result->whole && options_.share > options_.share.zero()) {
    std::erase_if(kept_, [&](const Kept& kept) { return kept.key == flight->key; });
    kept_.push_back({flight->key, flight->time, *result});
    keeping_.notify_one();
  }
  flight->result = std::move(result);
  finished_.notify_all();
}

void SharedReplies::use(Options options) {
  const std::lock_guard lock(mutex_);
  options_ = options;
}

void SharedReplies::drop_kept() {
  std::vector<Kept> dropped;
  const std::lock_guard lock(mutex_);
  dropped.swap(kept_);
}

void SharedReplies::sweep() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (kept_.empty()) {
      keeping_.wait(lock, [this] { return stopping_ || !kept_.empty(); });
      continue;
    }
    const auto first = std::min_element(
        kept_.begin(), kept_.end(),
        [](const auto& a, const auto& b) { return a.reply.collected < b.reply.collected; });
    keeping_.wait_until(lock, first->reply.collected + options_.share,
                        [this] { return stopping_; });
    const auto now = Clock::now();
    std::erase_if(kept_,
                  [&](const Kept& kept) { return now - kept.reply.collected >= options_.share; });
  }
}

}  // namespace memory_exporter
