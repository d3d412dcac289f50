#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "daemon/http/http_message.h"

namespace memory_exporter {

/// Bounds the bytes of large replies: those that are being made, that are kept for who asks next,
/// and that are being sent, each body once, however many send it. Safe to use from many threads.
class ReplyBudget {
  struct State;

 public:
  /// Bytes for a reply that is being made. They are given back when it goes.
  class Claim {
   public:
    Claim(std::shared_ptr<State> state, std::size_t bytes)
        : state_(std::move(state)), bytes_(bytes) {}
    Claim(Claim&& other) noexcept : state_(std::move(other.state_)), bytes_(other.bytes_) {}
    Claim& operator=(Claim&&) = delete;
    ~Claim();

   private:
    friend class ReplyBudget;
    std::shared_ptr<State> state_;
    std::size_t bytes_;
  };

  explicit ReplyBudget(std::size_t most);

  /// Called where bytes are short, without a lock and now and then from several threads at once: it
  /// lets go of what may be let go.
  void on_shortage(std::function<void()> shed);

  /// Room for a reply that will take about `bytes`. Waits for it up to `patience` where bytes are
  /// short. A reply always has room where there is no other, whatever its size.
  std::optional<Claim> claim(std::size_t bytes, std::chrono::nanoseconds patience);

  /// The same without waiting, for what has to be had beside a reply that has its room.
  Claim take(std::size_t bytes);

  /// The reply that was made, whose bytes count as long as anybody has it.
  Body keep(std::string text, Claim claim);

  std::size_t in_use() const;

 private:
  const std::shared_ptr<State> state_;
};

}  // namespace memory_exporter
