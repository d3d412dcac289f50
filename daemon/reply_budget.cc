#include "daemon/reply_budget.h"

#include <condition_variable>

namespace memory_exporter {

struct ReplyBudget::State {
  explicit State(std::size_t bytes) : most(bytes) {}

  bool has_room(std::size_t bytes) const { return in_use == 0 || in_use + bytes <= most; }

  void give_back(std::size_t bytes) {
    const std::lock_guard lock(mutex);
    in_use -= bytes;
    given_back.notify_all();
  }

  const std::size_t most;
  std::mutex mutex;
  std::condition_variable given_back;
  std::size_t in_use = 0;
  std::function<void()> shed;
};

ReplyBudget::Claim::~Claim() {
  if (state_) state_->give_back(bytes_);
}

ReplyBudget::ReplyBudget(std::size_t most) : state_(std::make_shared<State>(most)) {}

void ReplyBudget::on_shortage(std::function<void()> shed) {
  const std::lock_guard lock(state_->mutex);
  state_->shed = std::move(shed);
}

std::optional<ReplyBudget::Claim> ReplyBudget::claim(std::size_t bytes,
                                                     std::chrono::nanoseconds patience) {
  // Who may be cut off becomes one only after some time, so it is tried again.
  constexpr std::chrono::milliseconds step{50};
  const auto end = std::chrono::steady_clock::now() + patience;
  std::unique_lock lock(state_->mutex);
  while (!state_->has_room(bytes)) {
    if (std::chrono::steady_clock::now() >= end) return std::nullopt;
    if (const auto shed = state_->shed) {
      lock.unlock();
      shed();
      lock.lock();
    }
    state_->given_back.wait_for(lock, step, [&] { return state_->has_room(bytes); });
  }
  state_->in_use += bytes;
  return Claim(state_, bytes);
}

ReplyBudget::Claim ReplyBudget::take(std::size_t bytes) {
  const std::lock_guard lock(state_->mutex);
  state_->in_use += bytes;
  return Claim(state_, bytes);
}

Body ReplyBudget::keep(std::string text, Claim claim) {
  const auto size = text.size();
  auto owned = std::make_unique<const std::string>(std::move(text));
  // From here on the deleter gives back the bytes, even where there is no memory for the pointer.
  const auto state = std::move(claim.state_);
  {
    const std::lock_guard lock(state->mutex);
    state->in_use += size;
    state->in_use -= claim.bytes_;
    state->given_back.notify_all();
  }
  return Body(owned.release(), [state, size](const std::string* body) {
    delete body;
    state->give_back(size);
  });
}

std::size_t ReplyBudget::in_use() const {
  const std::lock_guard lock(state_->mutex);
  return state_->in_use;
}

}  // namespace memory_exporter
