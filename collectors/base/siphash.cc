#include "collectors/base/siphash.h"

#include <bit>
#include <cstddef>

namespace memory_exporter {
namespace {

/// Up to eight bytes as the low end of a word, whatever the machine's byte order.
std::uint64_t word_of(std::string_view bytes) {
  std::uint64_t word = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    word = (word << 8) | static_cast<unsigned char>(bytes[i]);
  }
  return word;
}

class State {
 public:
  void take(std::uint64_t word) {
    v3_ ^= word;
    round();
    round();
    v0_ ^= word;
  }

  std::uint64_t finish() {
    v2_ ^= 0xff;
    for (int i = 0; i < 4; ++i) round();
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  static constexpr std::uint64_t key0 = 0x0706050403020100u;
  static constexpr std::uint64_t key1 = 0x0f0e0d0c0b0a0908u;

  void round() {
    v0_ += v1_;
    v2_ += v3_;
    v1_ = std::rotl(v1_, 13) ^ v0_;
    v3_ = std::rotl(v3_, 16) ^ v2_;
    v0_ = std::rotl(v0_, 32);
    v2_ += v1_;
    v0_ += v3_;
    v1_ = std::rotl(v1_, 17) ^ v2_;
    v3_ = std::rotl(v3_, 21) ^ v0_;
    v2_ = std::rotl(v2_, 32);
  }

  std::uint64_t v0_ = key0 ^ 0x736f6d6570736575u;
  std::uint64_t v1_ = key1 ^ 0x646f72616e646f6du;
  std::uint64_t v2_ = key0 ^ 0x6c7967656e657261u;
  std::uint64_t v3_ = key1 ^ 0x7465646279746573u;
};

}  // namespace

std::uint64_t siphash(std::string_view bytes) {
  constexpr std::size_t word_size = 8;
  const auto size = std::uint64_t{bytes.size()};
  State state;
  for (; bytes.size() >= word_size; bytes.remove_prefix(word_size)) {
    state.take(word_of(bytes.substr(0, word_size)));
  }
  state.take(word_of(bytes) | (size << 56));
  return state.finish();
}

}  // namespace memory_exporter
