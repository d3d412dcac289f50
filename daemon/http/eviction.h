#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace memory_exporter::eviction {

/// Who is cut off where threads or bytes run out. Pure choice: the connections are told by their
/// index, and nobody is cut here.

/// A connection whose head is not complete.
struct Head {
  std::string_view address;  ///< of the client
  std::chrono::nanoseconds age{};
  bool begun = false;  ///< some of it has come
};

/// A client sends its head at once: what is begun and not complete has so long.
inline constexpr std::chrono::milliseconds begun_grace{5};

/// Up to `wanted` of them, which hold threads. First come those of the address that has the most,
/// of these the ones that have begun, and of these the oldest. Those that have sent nothing have
/// `silent_grace`.
std::vector<std::size_t> heads_to_cut(std::span<const Head> heads, std::size_t wanted,
                                      std::chrono::nanoseconds silent_grace);

/// How long to wait for who has connected and sent nothing. It may be a client that waits for its
/// CPU, or one of a flood; what became of those before it tells.
class Silence {
 public:
  /// One sent its head after all, or did not.
  void came() { trust_ += (1 - trust_) / weight; }
  void never_came() { trust_ -= trust_ / weight; }

  std::chrono::milliseconds grace() const { return trust_ > 0.5 ? long_grace : short_grace; }

 private:
  static constexpr double weight = 16;
  static constexpr std::chrono::milliseconds long_grace{1000};
  static constexpr std::chrono::milliseconds short_grace{20};

  double trust_ = 1;
};

/// A reply that is being sent.
struct Reply {
  const void* body = nullptr;  ///< several may send the same bytes
  std::size_t size = 0;        ///< of the body
  std::chrono::nanoseconds age{};
  double rate =
      0;  ///< bytes a second that the client took of late; infinite: not yet known (0.5 s)
};

/// What slow readers may hold together.
struct Room {
  std::size_t places = 0;
  std::size_t bytes = 0;  ///< of distinct bodies; the oldest reply may have more
};

/// The slowest reader that has a claim to its reply, in bytes a second.
inline constexpr double least_rate = 10'000;

/// A reply that took no longer than this is not held against its client.
inline constexpr std::chrono::milliseconds quick{250};

/// Those of `replies` that may be cut, the slowest first. The oldest have a claim to be sent to
/// their end, as far as the room goes and as long as they are read at `least_rate`; the others have
/// `quick`.
std::vector<std::size_t> replies_to_cut(std::span<const Reply> replies, Room room);

}  // namespace memory_exporter::eviction
